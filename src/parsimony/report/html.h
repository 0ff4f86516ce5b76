// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parsimony/core/text.h"

namespace parsimony::report {

using core::escape_markup;

// Appends formatted markup and a line end. Arguments are written as they are: text from data goes
// through escape_markup first.
template <typename... Args>
void put(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  out += '\n';
}

std::string base64(std::span<const std::uint8_t> bytes);

// "data:image/png;base64,..."
std::string data_uri(std::string_view media_type, std::span<const std::uint8_t> bytes);

// Seconds since the epoch as "2026-11-22 01:43 UTC".
std::string date_text(double time);

// "1 network", "3 networks"
std::string counted(std::size_t count, std::string_view noun);

}  // namespace parsimony::report
