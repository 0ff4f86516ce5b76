// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "parsimony/core/context.h"

namespace parsimony::meter {

struct PostResult {
  enum class End {
    kAnswered,      // with any status
    kNoConnection,  // or one that broke off, or took too long
    kStopped,
  };
  End end = End::kNoConnection;
  long status = 0;  // of kAnswered
  std::string body;
  std::string reason;  // of kNoConnection
};

// Sends a file's bytes to an http(s) address and waits for the answer, which may have a megabyte.
// No redirects; proxies are taken from the environment, as curl does.
PostResult post_file(const std::string& url,
                     const std::filesystem::path& file,
                     double timeout_seconds,
                     const core::StopFlag& stop);

}  // namespace parsimony::meter
