#!/usr/bin/env bash
# Builds the core's unit tests and runs them: plainly, and under the address, undefined-behaviour and (the tree) thread sanitizers.
#   run.sh        everything, with every instruction set and the real parameter sets: some minutes
#   run.sh fast   all but the tree, under the sanitizers only, with gates in a dimension that hides nothing
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tree=(../src/merkle.cc ../src/sha256.cc ../src/sha256_avx512.cc ../src/sha256_x86.cc ../src/sorted_build.cc ../src/state_tree.cc ../src/state_tree_file.cc)
tfhe=(../src/tfhe/*.cc ../src/sha256.cc ../src/sha256_avx512.cc ../src/sha256_x86.cc)

# compile PROGRAM FLAG... SOURCE...: one source a process, since the sanitizers make the vector kernels slow to compile.
compile() {
  local program=$1 objects=$work/$1.objects command=("${CXX:-g++}" -std=c++17 -Wall -Wextra -Werror -pthread) sources=()
  shift
  for argument; do if [[ $argument == *.cc ]]; then sources+=("$argument"); else command+=("$argument"); fi; done
  mkdir "$objects"
  printf '%s\0' "${sources[@]}" |
    xargs -0 -P "$(nproc)" -I{} bash -c '"${@:2}" -c "$1" -o "$0/$(basename "$1").o"' "$objects" {} "${command[@]}"
  "${command[@]}" -o "$work/$program" "$objects"/*.o
}
sanitized() { compile "$1" -g -fsanitize=address,undefined -fno-sanitize-recover=all "${@:2}"; }

run_tree() {
  POLYTORUS_NATIVE_ISA=portable "$work/$1" "$work"
  if grep -qw sha_ni /proc/cpuinfo; then POLYTORUS_NATIVE_ISA=shani "$work/$1" "$work"; fi
  "$work/$1" "$work"
}

sanitized transfers-sanitized -O1 ../src/transfers.cc transfers_test.cc
"$work/transfers-sanitized"
sanitized rows-sanitized -O1 ../src/row_changes.cc row_changes_test.cc
"$work/rows-sanitized"
sanitized wire-sanitized -O1 ../src/receipt_text.cc ../src/submission_reader.cc wire_test.cc
"$work/wire-sanitized"
sanitized changes-sanitized -O1 ../src/change_table.cc change_table_test.cc
"$work/changes-sanitized"
sanitized counter-sanitized -O1 ../src/execution_counter.cc execution_counter_test.cc
"$work/counter-sanitized"
if [ "${1:-}" = fast ]; then
  sanitized tfhe-small -O1 -DPOLYTORUS_TEST_DIMENSION=24 "${tfhe[@]}" tfhe_test.cc
  "$work/tfhe-small" 70
  exit
fi

sanitized tree-sanitized -O1 "${tree[@]}" state_tree_test.cc
compile tree-plain -O2 "${tree[@]}" state_tree_test.cc
compile tree-threads -O1 -g -fsanitize=thread "${tree[@]}" state_tree_test.cc
compile transfers-plain -O2 ../src/transfers.cc transfers_test.cc
"$work/transfers-plain"
compile tfhe-plain -O3 "${tfhe[@]}" tfhe_test.cc
sanitized tfhe-sanitized -O2 "${tfhe[@]}" tfhe_test.cc
"$work/tfhe-plain" 700
"$work/tfhe-sanitized" 35
for program in tree-plain tree-sanitized; do run_tree "$program"; done
"$work/tree-threads" "$work"
