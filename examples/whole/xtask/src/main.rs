fn main() -> std::process::ExitCode {
    cordwainer::cli::main()
}
