// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parsimony::space {

// A part of a larger network, the supernet, as FMAS searches them (Xiong et al., arXiv 2303.16322):
// one choice for each site where the supernet can be made smaller, 0 for what the supernet has.
// What sites there are, the supernet says (graph/subsample.h).
struct Subnetwork {
  std::vector<int> choices;  // empty: the whole supernet
  bool operator==(const Subnetwork&) const = default;
};

// "[0,2,1]"; "[]" is the whole supernet. Throws a user error that says where the text stops making
// sense; how many sites there are and how many choices they have is not known here.
Subnetwork parse_subnetwork(std::string_view text);
std::string to_text(const Subnetwork& subnetwork);

}  // namespace parsimony::space
