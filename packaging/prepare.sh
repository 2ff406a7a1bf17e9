#!/bin/sh
# Makes what the packages contain besides the program and the repository's files, in
# target/package: completions for the shells, and compressed man pages for the rpm.
set -eu
cd "$(dirname "$0")/.."
mkdir -p target/package/ja
cargo run --quiet --locked --package ringcheck --example completions target/package
for page in man/*.[58] man/ja/*.[58]; do
    gzip --best --no-name --stdout "$page" > "target/package/${page#man/}.gz"
done
