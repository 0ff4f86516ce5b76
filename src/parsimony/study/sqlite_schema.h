// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/study/sqlite.h"

namespace parsimony::study {

// Raised whenever older programs would misread the tables.
inline constexpr int kSchemaVersion = 2;

// Creates the tables in an empty file; in any other, checks that they are ours, of a version we
// know and undamaged, and brings an older version's up to date. User errors else. A foreign
// database is left as it was.
void prepare_schema(Database& database);

}  // namespace parsimony::study
