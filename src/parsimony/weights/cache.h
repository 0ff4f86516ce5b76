// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace parsimony::weights {

// Where fetched files are kept: $PARSIMONY_CACHE, else $XDG_CACHE_HOME/parsimony, else
// ~/.cache/parsimony. A user error when none of the three is set.
std::filesystem::path cache_folder();

// Where the file of a URL is kept; that of a known file carries its published name.
std::filesystem::path cache_path(std::string_view url);

// The known file `name` if it was fetched, or put there by hand.
std::optional<std::filesystem::path> find_cached(std::string_view name);

// The file a user means by `text`: an existing path is itself, a known name its cached file. A user
// error says what to run or which name may be meant.
std::filesystem::path resolve(std::string_view text);

}  // namespace parsimony::weights
