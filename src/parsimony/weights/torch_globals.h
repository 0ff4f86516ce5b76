// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "parsimony/weights/pickle_value.h"

// The meaning of the few Python names that state dicts use. Nothing is ever executed: a name that
// is not in the table is an error.
namespace parsimony::weights::pickle {

// A user error that names `module.name` unless the table knows it.
Global find_global(std::string_view module, std::string_view name, const std::string& origin);

// What the call `function(*arguments)` gives.
Value call(const Global& function, std::span<Value* const> arguments, const std::string& origin);

// The storage a persistent id ("storage", class, key, device, count[, view]) describes.
Storage load_storage(const Value& persistent_id, const std::string& origin);

}  // namespace parsimony::weights::pickle
