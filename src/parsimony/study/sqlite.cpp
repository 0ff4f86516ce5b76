// SPDX-License-Identifier: Apache-2.0
#include "parsimony/study/sqlite.h"

#include <sqlite3.h>

#include <cstring>
#include <thread>

#include "parsimony/core/error.h"

namespace parsimony::study {
namespace {

// SQLite takes a null pointer for NULL, but an empty string is not NULL.
const char* data_of(std::string_view text) {
  return text.data() == nullptr ? "" : text.data();
}

std::string bytes_of(const void* data, int size) {
  return size == 0 ? std::string()
                   : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

Database::Database(const std::filesystem::path& file, std::chrono::milliseconds patience)
    : name_(file.string()), patience_(patience) {
  // Absolute, because ":memory:" and "" have a meaning of their own.
  const std::string path = std::filesystem::absolute(file).string();
  // Without SQLite's own mutexes: every owner of a Database has one.
  const int code = sqlite3_open_v2(path.c_str(),
                                   &handle_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                                   nullptr);
  try {
    core::require(handle_ != nullptr, "{}: no memory for a database connection", name_);
    sqlite3_extended_result_codes(handle_, 1);
    if (code != SQLITE_OK) fail(code);
    sqlite3_busy_timeout(handle_, static_cast<int>(patience.count()));
    execute("PRAGMA synchronous = FULL");
  } catch (...) {
    sqlite3_close(handle_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close(handle_);
}

void Database::use_write_ahead_log() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience_;
  Statement change(*this, "PRAGMA journal_mode = WAL");
  for (;;) {
    const int code = Query(change).step();
    if (code == SQLITE_ROW) break;
    // SQLite does not apply its busy timeout to this statement.
    if ((code & 0xff) != SQLITE_BUSY || Clock::now() > deadline) fail(code);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Statement mode(*this, "PRAGMA journal_mode");
  Query query(mode);
  if (!query.next() || query.text(0) != "wal") {
    core::throw_user_error(
        "{}: its file system offers no shared memory, which several processes on one "
        "study need; put the study on a local disk",
        name_);
  }
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::fail(int code) const {
  const std::string reason = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
  const int system_error = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
  const std::string cause =
      system_error == 0 ? reason : reason + ": " + std::strerror(system_error);
  switch (code & 0xff) {
    case SQLITE_NOTADB:
      core::throw_user_error("{}: is not a study: not an SQLite file. Name the study.db of a run",
                             name_);
    case SQLITE_CORRUPT:
      fail_damaged(reason);
    case SQLITE_FULL:
      core::throw_user_error(
          "{}: the disk is full and nothing of the last step was stored. Free some space, "
          "then start the same command again to continue",
          name_);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      core::throw_user_error(
          "{}: cannot be written ({}). Check the permissions of the file and its folder",
          name_,
          cause);
    case SQLITE_CANTOPEN:
      core::throw_user_error(
          "{}: cannot be opened ({}). Check that its folder exists and may be written",
          name_,
          cause);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      core::throw_user_error("{}: another process kept it locked for more than {} s",
                             name_,
                             static_cast<double>(patience_.count()) / 1000);
    case SQLITE_IOERR:
    case SQLITE_NOLFS:
      core::throw_user_error("{}: reading or writing failed ({})", name_, cause);
    default:
      core::throw_internal_error("{}: SQLite: {} (code {})", name_, reason, code);
  }
}

void Database::fail_damaged(std::string_view detail) const {
  core::throw_user_error(
      "{}: is damaged ({}). Restore it from a copy; `sqlite3 FILE .recover` prints what can still "
      "be read",
      name_,
      detail);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  check(sqlite3_prepare_v3(database.handle(),
                           data_of(sql),
                           static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT,
                           &handle_,
                           nullptr));
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::bind(int index, std::nullopt_t) {
  check(sqlite3_bind_null(handle_, index));
}

void Statement::bind(int index, std::int64_t value) {
  check(sqlite3_bind_int64(handle_, index, value));
}

void Statement::bind(int index, double value) {
  check(sqlite3_bind_double(handle_, index, value));
}

void Statement::bind(int index, std::string_view text) {
  check(sqlite3_bind_text64(
      handle_, index, data_of(text), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind(int index, Blob blob) {
  check(sqlite3_bind_blob64(
      handle_, index, data_of(blob.bytes), blob.bytes.size(), SQLITE_TRANSIENT));
}

void Statement::check(int code) const {
  if (code != SQLITE_OK) database_.fail(code);
}

Query::~Query() {
  sqlite3_reset(statement_.handle_);
  sqlite3_clear_bindings(statement_.handle_);
}

int Query::step() {
  return sqlite3_step(statement_.handle_);
}

bool Query::next() {
  const int code = step();
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  statement_.database_.fail(code);
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_.handle_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_.handle_, column);
}

double Query::real(int column) const {
  return sqlite3_column_double(statement_.handle_, column);
}

std::string Query::text(int column) const {
  const void* data = sqlite3_column_text(statement_.handle_, column);
  return bytes_of(data, sqlite3_column_bytes(statement_.handle_, column));
}

std::string Query::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_.handle_, column);
  return bytes_of(data, sqlite3_column_bytes(statement_.handle_, column));
}

// IMMEDIATE: a transaction that takes the write lock only at its first write fails at once, without
// waiting, when another process wrote meanwhile.
Transaction::Transaction(Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  // Some errors have rolled back already; a failure to roll back has nobody to hear it, and closing
  // the connection does it again.
  if (sqlite3_get_autocommit(database_.handle()) != 0) return;
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.execute("COMMIT");
}

}  // namespace parsimony::study
