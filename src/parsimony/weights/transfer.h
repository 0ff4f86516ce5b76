// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "parsimony/core/context.h"
#include "parsimony/weights/part_file.h"

namespace parsimony::weights {

enum class TransferEnd {
  kComplete,     // the server sent all it announced
  kInterrupted,  // broke off after bringing something, or must begin anew: worth another attempt
  kFailed,       // brought nothing
  kStopped,      // by the stop flag
};

struct TransferResult {
  TransferEnd end = TransferEnd::kFailed;
  std::string reason;  // why it is not complete
};

struct TransferOptions {
  std::string url;
  int stall_seconds = 30;  // without a byte
  // Called now and then with the bytes present and those expected in all (0: unknown).
  std::function<void(std::int64_t, std::int64_t)> progress;
};

// One HTTP(S) request for `options.url` into `part`: asks for the missing bytes only, and begins
// anew when the server cannot continue or its file has changed. Follows redirects, never from https
// to http. Proxies are taken from the environment, as curl does.
TransferResult transfer(const TransferOptions& options, PartFile& part, const core::StopFlag& stop);

}  // namespace parsimony::weights
