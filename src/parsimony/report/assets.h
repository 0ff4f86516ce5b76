// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace parsimony::report {

// report.css and report.js, compiled in by CMake.
extern const std::string_view kStyleSheet;
extern const std::string_view kScript;

}  // namespace parsimony::report
