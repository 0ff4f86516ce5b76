// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/sqlite_schema.h"

#include <fmt/format.h>

#include "parsimony/core/error.h"

namespace parsimony::study {
namespace {

constexpr std::int64_t kApplicationId = 0x50415253;  // "PARS"; `file` and we tell a study by it

// Columns that end in _json hold JSON; an outcome's columns are NULL where its kind has none.
constexpr std::string_view kTables = R"sql(
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  worker TEXT NOT NULL,
  lease_until REAL NOT NULL,
  genotype TEXT NOT NULL,
  canonical_id TEXT NOT NULL,
  tokens_json TEXT NOT NULL,
  costs_json TEXT NOT NULL,
  outcome TEXT,
  scores_json TEXT,
  pruned_where TEXT,
  pruned_why TEXT,
  failure_reason TEXT,
  failure_message TEXT,
  same_as INTEGER,
  observations_json TEXT NOT NULL,
  started REAL NOT NULL,
  seconds REAL NOT NULL,
  setting INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE models (
  trial INTEGER PRIMARY KEY,
  folder TEXT NOT NULL,
  scores_json TEXT NOT NULL,
  seconds REAL NOT NULL
);
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE TABLE states (
  name TEXT PRIMARY KEY,
  content BLOB NOT NULL
);
)sql";

std::int64_t integer(Database& database, std::string_view sql) {
  Statement statement(database, sql);
  Query query(statement);
  return query.next() ? query.integer(0) : 0;
}

bool is_empty(Database& database) {
  return integer(database, "PRAGMA application_id") == 0 &&
         integer(database, "PRAGMA user_version") == 0 &&
         integer(database, "SELECT count(*) FROM sqlite_schema") == 0;
}

void create_tables(Database& database) {
  database.use_write_ahead_log();
  Transaction transaction(database);
  if (!is_empty(database)) return;  // another process was faster
  database.execute(std::string(kTables));
  database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

void check_is_study(Database& database) {
  if (integer(database, "PRAGMA application_id") != kApplicationId) {
    core::throw_user_error(
        "{}: is not a study: an SQLite file of another program. Name the study.db of a run",
        database.name());
  }
  const std::int64_t version = integer(database, "PRAGMA user_version");
  if (version > kSchemaVersion) {
    core::throw_user_error(
        "{}: was written by a later version of Parsimony (study format {}, this program reads up "
        "to {}). Use that version or a newer one",
        database.name(),
        version,
        kSchemaVersion);
  }
  if (version < 1) database.fail_damaged(fmt::format("study format {}", version));
}

// Version 1 knew one reward per study.
void upgrade(Database& database) {
  if (integer(database, "PRAGMA user_version") == kSchemaVersion) return;
  Transaction transaction(database);
  if (integer(database, "PRAGMA user_version") == kSchemaVersion) return;  // another was faster
  database.execute("ALTER TABLE trials ADD COLUMN setting INTEGER NOT NULL DEFAULT 0");
  database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
  transaction.commit();
}

void check_is_whole(Database& database) {
  Statement statement(database, "PRAGMA quick_check(1)");
  Query query(statement);
  const std::string finding = query.next() ? query.text(0) : "no answer to its check";
  if (finding != "ok") database.fail_damaged(finding);
}

}  // namespace

void prepare_schema(Database& database) {
  if (is_empty(database)) create_tables(database);
  check_is_study(database);
  check_is_whole(database);
  upgrade(database);
}

}  // namespace parsimony::study
