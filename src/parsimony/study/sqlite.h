// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace parsimony::study {

// The little of SQLite that a store needs, with owners for its handles. Nothing here is
// thread-safe.
//
//   Database database(file);
//   Statement named(database, "SELECT id, worker FROM trials WHERE genotype = ?1");
//   Query query(named, genotype);
//   while (query.next()) use(query.integer(0), query.text(1));
//
// What goes wrong with the file is a user error that names it; what goes wrong with our SQL is an
// internal one.
class Database {
 public:
  // How long to wait for other processes: longer than the slowest disk takes for a commit.
  static constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(60);

  // Opens the file, or creates an empty one.
  explicit Database(const std::filesystem::path& file,
                    std::chrono::milliseconds patience = kPatience);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Commits survive a power cut, and readers do not block the writer.
  void use_write_ahead_log();
  void execute(const std::string& sql);

  // Throws the error for a result code of SQLite's; for a file that contradicts itself.
  [[noreturn]] void fail(int code) const;
  [[noreturn]] void fail_damaged(std::string_view detail) const;

  const std::string& name() const { return name_; }
  sqlite3* handle() const { return handle_; }

 private:
  std::string name_;
  std::chrono::milliseconds patience_;
  sqlite3* handle_ = nullptr;
};

// Bytes, where a plain string is text.
struct Blob {
  std::string_view bytes;
};

// SQL compiled once and run often.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

 private:
  friend class Query;
  void bind(int index, std::nullopt_t);
  void bind(int index, int value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);
  void bind(int index, Blob blob);
  template <typename Value>
  void bind(int index, const std::optional<Value>& value) {
    value ? bind(index, *value) : bind(index, std::nullopt);
  }
  void check(int code) const;

  Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

// One run of a statement: binds ?1, ?2, ... and gives the statement back when it goes.
class Query {
 public:
  template <typename... Values>
  explicit Query(Statement& statement, const Values&... values) : statement_(statement) {
    int index = 0;
    (statement_.bind(++index, values), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  bool next();  // steps to the next row; false when there is none
  void run() { next(); }
  int step();  // the same, answering with a result code of SQLite's

  // Columns of the current row, from 0.
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;

 private:
  Statement& statement_;
};

// Holds the write lock of the database from its start; rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
};

}  // namespace parsimony::study
