#!/usr/bin/env bash
# Builds the core's unit tests and runs them with every instruction set: plainly, and under the sanitizers.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cores=(../src/merkle.cc ../src/sha256.cc ../src/sha256_avx512.cc ../src/sha256_x86.cc ../src/state_tree.cc ../src/state_tree_file.cc)
flags=(-std=c++17 -Wall -Wextra -Werror)
"${CXX:-g++}" "${flags[@]}" -O2 "${cores[@]}" state_tree_test.cc -o "$work/plain"
"${CXX:-g++}" "${flags[@]}" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all "${cores[@]}" state_tree_test.cc -o "$work/sanitized"

"${CXX:-g++}" "${flags[@]}" -O2 ../src/transfers.cc transfers_test.cc -o "$work/transfers-plain"
"${CXX:-g++}" "${flags[@]}" -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all ../src/transfers.cc transfers_test.cc -o "$work/transfers-sanitized"

for program in transfers-plain transfers-sanitized; do "$work/$program"; done

tfhe=(../src/tfhe/*.cc ../src/sha256.cc ../src/sha256_avx512.cc ../src/sha256_x86.cc)
"${CXX:-g++}" "${flags[@]}" -O3 "${tfhe[@]}" tfhe_test.cc -o "$work/tfhe-plain" -pthread
"${CXX:-g++}" "${flags[@]}" -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all "${tfhe[@]}" tfhe_test.cc -o "$work/tfhe-sanitized" -pthread
"$work/tfhe-plain" 700
"$work/tfhe-sanitized" 35

for program in plain sanitized; do
  POLYTORUS_NATIVE_ISA=portable "$work/$program" "$work"
  grep -qw sha_ni /proc/cpuinfo && POLYTORUS_NATIVE_ISA=shani "$work/$program" "$work"
  "$work/$program" "$work"
done
