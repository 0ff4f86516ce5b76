// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace parsimony::weights {

// A name found in a file, made fit for a message: long ones are cut, and bytes that could steer a
// terminal are replaced.
std::string printable(std::string_view name);

}  // namespace parsimony::weights
