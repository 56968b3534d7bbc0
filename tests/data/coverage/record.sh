#!/bin/sh
# Makes the recordings that `run::coverage` has gates leave: what coverage.py (Cobertura's XML), Go's cover tool and JaCoCo
# write of the sources beside this file, for two sets of calls. It needs python3 with `coverage` (7.6.1), `go` (Debian's
# golang-1.19), and `javac` with Debian's libjacoco-java and libasm-java, whose folder of jars is $JARS. The sources are
# tested in /workspace, as a gate tests them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
rm -rf /workspace/shop /workspace/prices /workspace/java
mkdir -p /workspace/shop /workspace/prices /workspace/java

# The calls: CENTS:MEMBERS.
before="100:false"
more="100:false 250:true 20000:false"

cp "$here/python/prices.py" /workspace/shop/prices.py
cp "$here/go/prices.go" /workspace/prices/prices.go
printf 'module example.com/shop\n\ngo 1.19\n' > /workspace/go.mod
javac --release 11 -g -d /workspace/java "$here/java/Prices.java"
javac -cp "$JARS/*" -d /workspace/java/tool "$here/java/Record.java"

cd /workspace
for name in before more; do
    eval "calls=\$$name"
    {
        echo 'from prices import price'
        for call in $calls; do
            case ${call#*:} in true) members=True ;; *) members=False ;; esac
            echo "price(${call%:*}, $members)"
        done
    } > shop/calls.py
    python3 -m coverage run --data-file=/tmp/recorded --source=shop --omit='*/calls.py' shop/calls.py
    python3 -m coverage xml --quiet --data-file=/tmp/recorded -o "$here/python/$name.xml"
    {
        printf 'package prices\n\nimport "testing"\n\nfunc TestPrice(t *testing.T) {\n'
        for call in $calls; do echo "	Price(${call%:*}, ${call#*:})"; done
        echo '}'
    } > prices/prices_test.go
    go test -coverprofile="$here/go/$name.out" ./prices
    # shellcheck disable=SC2086
    java -cp "/workspace/java/tool:$JARS/*" Record /workspace/java/shop/Prices.class "$here/java/$name.xml" $calls
done
rm -rf /tmp/recorded /workspace/shop /workspace/prices /workspace/java /workspace/go.mod
