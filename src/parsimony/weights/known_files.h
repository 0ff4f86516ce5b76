// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace parsimony::weights {

// Published weights that `parsimony weights fetch NAME` can bring.
struct KnownFile {
  std::string_view name;
  std::string_view url;
  std::string_view sha256;  // leading hexadecimal digits, as many as were published; empty: none
  std::string_view licence;
  std::string_view what;
};

std::span<const KnownFile> known_files();
const KnownFile* find_known_file(std::string_view name);  // nullptr when there is none

// The last part of a URL's path, with nothing in it that a file name should not have.
std::string file_name_of(std::string_view url);

}  // namespace parsimony::weights
