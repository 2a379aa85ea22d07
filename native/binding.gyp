{
  "targets": [
    {
      "target_name": "brickd",
      "sources": [
        "src/addon.cc",
        "src/batch_binding.cc",
        "src/constants.cc",
        "src/descriptors.cc",
        "src/direct_io.cc",
        "src/event_loop.cc",
        "src/executor.cc",
        "src/fsync_group.cc",
        "src/hash.cc",
        "src/heap_bound.cc",
        "src/native_thread.cc",
        "src/open_beneath.cc",
        "src/ops_attributes.cc",
        "src/ops_checksum.cc",
        "src/ops_data.cc",
        "src/ops_directory.cc",
        "src/ops_entries.cc",
        "src/ops_xattr.cc",
        "src/poller.cc",
        "src/ownership.cc",
        "src/pipes.cc",
        "src/pool.cc",
        "src/pool_binding.cc",
        "src/pool_monitor.cc",
        "src/process.cc",
        "src/queue.cc",
        "src/sockets.cc",
        "src/umask.cc",
        "src/user_groups.cc",
        "src/working_directory.cc",
        "src/xattr_place.cc",
        "src/xattr_run.cc"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")"],
      # Nothing can be thrown in an environment that is ending: without NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS, node-addon-api
      # ends the process then.
      "defines": [
        "NAPI_VERSION=8",
        "NAPI_DISABLE_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "_GNU_SOURCE",
        "_FILE_OFFSET_BITS=64"
      ],
      "cflags!": ["-O3"],
      # The language standard is the one that the headers of this Node.js need.
      "cflags_cc!": ["-O3"],
      "cflags_cc": [
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wno-cast-function-type",
        "-fno-exceptions",
        "-fvisibility=hidden"
      ],
      # The pool's threads outlive the last environment that has loaded the addon: its code must not be unmapped.
      "ldflags": ["-Wl,-z,nodelete"]
    }
  ]
}
