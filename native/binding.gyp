{
  "targets": [
    {
      "target_name": "brickd",
      "sources": [
        "src/binding/addon.cc",
        "src/binding/batch_binding.cc",
        "src/binding/constants.cc",
        "src/binding/hash.cc",
        "src/binding/heap_bound.cc",
        "src/binding/layout_binding.cc",
        "src/binding/pool_binding.cc",
        "src/binding/process.cc",
        "src/net/descriptors.cc",
        "src/net/event_loop.cc",
        "src/net/ownership.cc",
        "src/net/pipes.cc",
        "src/net/poller.cc",
        "src/net/sockets.cc",
        "src/net/tls_binding.cc",
        "src/net/tls_context.cc",
        "src/net/tls_session.cc",
        "src/ops/direct_io.cc",
        "src/ops/executor.cc",
        "src/ops/open_beneath.cc",
        "src/ops/ops_attributes.cc",
        "src/ops/ops_checksum.cc",
        "src/ops/ops_data.cc",
        "src/ops/ops_directory.cc",
        "src/ops/ops_entries.cc",
        "src/ops/ops_xattr.cc",
        "src/ops/working_directory.cc",
        "src/ops/xattr_place.cc",
        "src/ops/xattr_run.cc",
        "src/pool/fsync_group.cc",
        "src/pool/native_thread.cc",
        "src/pool/pool.cc",
        "src/pool/pool_monitor.cc",
        "src/pool/queue.cc",
        "src/pool/umask.cc",
        "src/pool/user_groups.cc"
      ],
      "include_dirs": ["src", "<!@(node -p \"require('node-addon-api').include\")"],
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
