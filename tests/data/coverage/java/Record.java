import java.io.FileOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jacoco.core.analysis.Analyzer;
import org.jacoco.core.analysis.CoverageBuilder;
import org.jacoco.core.data.ExecutionDataStore;
import org.jacoco.core.data.SessionInfoStore;
import org.jacoco.core.instr.Instrumenter;
import org.jacoco.core.runtime.LoggerRuntime;
import org.jacoco.core.runtime.RuntimeData;
import org.jacoco.report.xml.XMLFormatter;

/** Runs `shop.Prices` with JaCoCo's probes in it, and writes JaCoCo's own report: CLASS-FILE REPORT CENTS:MEMBERS... */
public class Record {
    public static void main(String[] arguments) throws Exception {
        byte[] original = Files.readAllBytes(Path.of(arguments[0]));
        LoggerRuntime runtime = new LoggerRuntime();
        byte[] probed = new Instrumenter(runtime).instrument(original, "shop.Prices");
        RuntimeData data = new RuntimeData();
        runtime.startup(data);
        Class<?> prices = new ClassLoader() {
            Class<?> define() {
                return defineClass("shop.Prices", probed, 0, probed.length);
            }
        }.define();
        for (String call : List.of(arguments).subList(2, arguments.length)) {
            String[] parts = call.split(":");
            prices.getMethod("price", int.class, boolean.class)
                .invoke(null, Integer.parseInt(parts[0]), Boolean.parseBoolean(parts[1]));
        }
        ExecutionDataStore executed = new ExecutionDataStore();
        SessionInfoStore sessions = new SessionInfoStore();
        data.collect(executed, sessions, false);
        runtime.shutdown();
        CoverageBuilder builder = new CoverageBuilder();
        new Analyzer(executed, builder).analyzeClass(original, "shop/Prices.class");
        try (FileOutputStream out = new FileOutputStream(arguments[1])) {
            var visitor = new XMLFormatter().createVisitor(out);
            visitor.visitInfo(List.of(), executed.getContents());
            visitor.visitBundle(builder.getBundle("shop"), null);
            visitor.visitEnd();
        }
    }
}
