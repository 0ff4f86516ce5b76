// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "parsimony/core/context.h"

namespace parsimony::weights {

struct FetchRequest {
  std::string source;       // a name of known_files.h, or an http(s) URL
  std::string sha256 = {};  // expected leading digits, at least 8; empty: those of the known file
  std::filesystem::path destination = {};  // a file; empty: the cache (cache.h)
  int stall_seconds = 30;                  // a connection silent for so long is given up
};

enum class FetchOutcome { kDownloaded, kAlreadyThere, kStopped };

struct FetchResult {
  FetchOutcome outcome = FetchOutcome::kStopped;
  std::filesystem::path file;
  std::int64_t bytes = 0;
  std::string sha256;     // in full; empty when stopped
  bool verified = false;  // the sum was compared with an expected one
};

// Brings a file here, once:
//
//   const FetchResult result = fetch({.source = "mobilenet_v2_torchvision_v1"}, context);
//   const ArrayMap weights = read_weights(result.file);
//
// What is there and has the expected sum stays. A broken download continues where it ended, in this
// call (a few times) or the next. The file appears under its name only when complete and verified;
// one with a wrong sum is deleted and reported. Calls for the same file, from any process, wait for
// each other. Without a network the error says where to put the file by hand.
FetchResult fetch(const FetchRequest& request, core::Context& context);

}  // namespace parsimony::weights
