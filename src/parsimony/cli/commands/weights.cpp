// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"
#include "parsimony/cli/command.h"
#include "parsimony/core/error.h"
#include "parsimony/core/text.h"
#include "parsimony/weights/cache.h"
#include "parsimony/weights/fetch.h"
#include "parsimony/weights/known_files.h"

namespace parsimony::cli {

Action declare_weights(CLI::App& app) {
  struct Arguments {
    std::string name, sha256;
  };
  auto arguments = std::make_shared<Arguments>();
  app.require_subcommand(1);
  CLI::App* fetch = app.add_subcommand("fetch", "download a weight file into the cache");
  fetch->add_option("NAME", arguments->name, "a name from 'parsimony weights list', or a URL")
      ->required();
  fetch->add_option("--sha256", arguments->sha256, "expected leading digits of the file's SHA-256");
  CLI::App* list = app.add_subcommand("list", "known weight files and whether they are here");
  return [arguments, list](Environment& environment) {
    if (list->parsed()) {
      for (const weights::KnownFile& file : weights::known_files()) {
        const auto cached = weights::find_cached(file.name);
        fmt::print("{:<36}{} ({})\n{:<36}{}\n",
                   file.name,
                   file.what,
                   file.licence,
                   "",
                   cached ? "here: " + cached->string() : std::string("not fetched"));
      }
      return kDone;
    }
    const weights::FetchResult result = weights::fetch(
        {.source = arguments->name, .sha256 = arguments->sha256}, environment.context);
    if (result.outcome == weights::FetchOutcome::kStopped) return kSaved;
    fmt::print("{} ({}, SHA-256 {}{})\n",
               result.file.string(),
               core::human_bytes(static_cast<double>(result.bytes)),
               result.sha256.substr(0, 16),
               result.verified ? ", verified" : ", not compared with an expected sum");
    return kDone;
  };
}

}  // namespace parsimony::cli
