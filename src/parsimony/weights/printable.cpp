// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/printable.h"

namespace parsimony::weights {

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 120;
  std::string out(name.substr(0, kLongest));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (name.size() > kLongest) out += "...";
  return out;
}

}  // namespace parsimony::weights
