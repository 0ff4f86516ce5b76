// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parsimony::deploy {

// Version of Parsimony, "0.1.0"; written into every file that leaves the house.
std::string_view version();

}  // namespace parsimony::deploy
