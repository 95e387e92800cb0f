{
  "targets": [
    {
      "target_name": "polytorus",
      "sources": [
        "src/addon.cc",
        "src/change_table.cc",
        "src/execution_counter.cc",
        "src/merkle.cc",
        "src/receipt_text.cc",
        "src/sha256.cc",
        "src/sha256_avx512.cc",
        "src/sha256_x86.cc",
        "src/state_tree.cc",
        "src/state_tree_file.cc",
        "src/submission_reader.cc",
        "src/tfhe/bootstrap_batch.cc",
        "src/tfhe/evaluate.cc",
        "src/tfhe/evaluation_key.cc",
        "src/tfhe/file_format.cc",
        "src/tfhe/kernel_avx2.cc",
        "src/tfhe/kernel_avx512.cc",
        "src/tfhe/kernel_portable.cc",
        "src/tfhe/key_cache.cc",
        "src/tfhe/parameters.cc",
        "src/tfhe/random.cc",
        "src/tfhe/secret_key.cc",
        "src/tfhe_addon.cc",
        "src/transfers.cc",
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      # A thread that is terminated while it is in here cannot make the result any more: it ends, and not the process with it.
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED",
                  "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++20", "-std=gnu++17"],
      "cflags_cc": ["-std=c++17", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"],
      # Node unloads an addon with the last thread that loaded it. The trees and keys of the process must outlive any worker.
      "conditions": [
        ["OS=='linux'", {"ldflags": ["-Wl,-z,nodelete"]}],
      ],
    },
  ],
}
