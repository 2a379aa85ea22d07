{
  "targets": [
    {
      "target_name": "brickd",
      "sources": [
        "src/addon.cc",
        "src/executor.cc",
        "src/ops_files.cc",
        "src/ops_xattr.cc",
        "src/ops_directory.cc",
        "src/fsync_group.cc",
        "src/pool.cc",
        "src/pool_binding.cc",
        "src/poller.cc",
        "src/sockets.cc",
        "src/process.cc",
        "src/hash.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Wno-cast-function-type", "-fno-exceptions"],
      "cflags_cc!": ["-fno-rtti"]
    }
  ]
}
