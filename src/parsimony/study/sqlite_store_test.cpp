// SPDX-License-Identifier: Apache-2.0
// What only a store in a file can suffer; the contract is in store_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/rng.h"
#include "parsimony/study/sqlite.h"
#include "parsimony/study/sqlite_schema.h"
#include "parsimony/study/store.h"
#include "parsimony/study/testing.h"

namespace parsimony::study {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SqliteStoreTest : public testing::Test {
 protected:
  // A study of some hundred pages, closed.
  void write_study() {
    const auto store = open_sqlite_store(file_);
    for (TrialId id = 1; id <= 40; ++id) {
      Trial trial = done_trial(id, Scored{{{"reward", 0.5}}});
      trial.genotype = std::string(5000, 'g');
      store->commit({.trials = {trial}, .events = {{0, 1, "done", std::string(2000, 'e')}}});
    }
    store->commit({.states = {{"search", std::string(200000, 's')}}});
  }

  void execute(const std::string& sql) { Database(file_).execute(sql); }

  // What a user error says that opens or reads the file; fails for any other.
  std::string user_error(const std::function<void()>& action) {
    try {
      action();
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(file_.string()));
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  std::string open_error() {
    return user_error([this] { open_sqlite_store(file_); });
  }

  void write_file(std::string_view content) { std::ofstream(file_, std::ios::binary) << content; }

  core::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "study.db";
};

TEST_F(SqliteStoreTest, IsDurableAndLeavesOneFileWhenClosed) {
  {
    const auto store = open_sqlite_store(file_);
    store->commit({.states = {{"search", "x"}}});
    EXPECT_TRUE(std::filesystem::exists(file_.string() + "-wal"));
  }
  EXPECT_FALSE(std::filesystem::exists(file_.string() + "-wal"));
  EXPECT_EQ(open_sqlite_store(file_)->state("search"), "x");
}

TEST_F(SqliteStoreTest, NamesThatSqliteGivesAMeaningAreFiles) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  for (const char* name : {":memory:", "file:x", "a b%20c?mode=ro#ü.db"}) {
    open_sqlite_store(name)->commit({.states = {{"search", name}}});
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / name));
    EXPECT_EQ(open_sqlite_store(name)->state("search"), name);
  }
  std::filesystem::current_path(before);
}

TEST_F(SqliteStoreTest, AnEmptyFileBecomesAStudy) {
  write_file("");
  EXPECT_TRUE(open_sqlite_store(file_)->trials().empty());
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsAUserError) {
  write_file("space: cell-decoder\nthis is a study file, not a study\n" + std::string(2000, '#'));
  const std::string before = core::read_text_file(file_);
  EXPECT_THAT(open_error(), HasSubstr("is not a study"));
  EXPECT_EQ(core::read_text_file(file_), before);
  write_file("short");
  EXPECT_THAT(open_error(), HasSubstr("is not a study"));
}

TEST_F(SqliteStoreTest, ADatabaseOfAnotherProgramIsAUserErrorAndLeftAsItWas) {
  execute("CREATE TABLE trials (id INTEGER)");
  const std::string before = core::read_text_file(file_);
  EXPECT_THAT(open_error(), AllOf(HasSubstr("is not a study"), HasSubstr("another program")));
  EXPECT_EQ(core::read_text_file(file_), before);
}

TEST_F(SqliteStoreTest, ALaterVersionIsAUserError) {
  write_study();
  execute("PRAGMA user_version = 7");
  EXPECT_THAT(open_error(), AllOf(HasSubstr("later version"), HasSubstr("format 7")));
}

TEST_F(SqliteStoreTest, AStudyOfTheFirstVersionIsReadAndContinued) {
  write_study();
  const std::vector<Trial> before = open_sqlite_store(file_)->trials();
  execute("ALTER TABLE trials DROP COLUMN setting");
  execute("PRAGMA user_version = 1");
  for (int opening = 0; opening < 2; ++opening)
    EXPECT_TRUE(open_sqlite_store(file_)->trials() == before);
  Trial added = running_trial(99);
  added.setting = 2;
  EXPECT_TRUE(open_sqlite_store(file_)->commit({.trials = {added}}));
  EXPECT_EQ(open_sqlite_store(file_)->trials().back().setting, 2);
}

TEST_F(SqliteStoreTest, AFolderOrAMissingFolderIsAUserError) {
  std::filesystem::create_directory(file_);
  EXPECT_THAT(open_error(), HasSubstr("cannot be opened"));
  file_ = folder_.path() / "missing" / "study.db";
  EXPECT_THAT(open_error(), HasSubstr("cannot be opened"));
}

TEST_F(SqliteStoreTest, ATruncatedFileIsAUserError) {
  write_study();
  const auto size = std::filesystem::file_size(file_);
  for (const double part : {0.99, 0.6, 0.3, 0.05}) {
    std::filesystem::resize_file(file_,
                                 static_cast<std::uintmax_t>(static_cast<double>(size) * part));
    EXPECT_THAT(open_error(), HasSubstr("is damaged"));
  }
  std::filesystem::resize_file(file_, 50);
  EXPECT_THAT(open_error(), HasSubstr("is damaged"));
}

TEST_F(SqliteStoreTest, OverwrittenPagesAreAUserErrorOrHarmless) {
  write_study();
  const std::string whole = core::read_text_file(file_);
  core::Rng rng(3);
  int found = 0;
  for (int round = 0; round < 40; ++round) {
    std::string damaged = whole;
    const auto at =
        static_cast<std::size_t>(rng.below(static_cast<std::int64_t>(whole.size()) - 512));
    for (std::size_t i = at; i < at + 512; ++i) damaged[i] = static_cast<char>(rng.next());
    write_file(damaged);
    try {
      const auto store = open_sqlite_store(file_);
      store->trials();
      store->events(0);
      store->state("search");
    } catch (const core::Error& error) {
      ++found;
      EXPECT_EQ(error.kind(), core::ErrorKind::kUser) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(file_.string()));
    }
  }
  EXPECT_GT(found, 0);
}

TEST_F(SqliteStoreTest, RowsThatWeWouldNotWriteAreAUserError) {
  for (const std::string column : {"state = 'lost'",
                                   "outcome = 'guessed'",
                                   "outcome = 'failed', failure_reason = 'bored'",
                                   "tokens_json = '[1,'",
                                   "costs_json = '[]'",
                                   "observations_json = '[{}]'",
                                   "scores_json = '{\"reward\": \"high\"}'"}) {
    std::filesystem::remove(file_);
    open_sqlite_store(file_)->commit({.trials = {done_trial(1, Scored{{{"reward", 1}}})}});
    execute("UPDATE trials SET " + column);
    const auto store = open_sqlite_store(file_);
    EXPECT_THAT(user_error([&] { store->trials(); }), HasSubstr("is damaged")) << column;
  }
}

TEST_F(SqliteStoreTest, AFullDiskIsAUserErrorAndChangesNothing) {
  write_study();
  Database database(file_);
  prepare_schema(database);
  Statement pages(database, "PRAGMA max_page_count = 1");  // as many as there are
  Query(pages).run();
  const std::string message = user_error([&] {
    Transaction transaction(database);
    for (int i = 0; i < 100; ++i) {
      database.execute("INSERT INTO states VALUES ('" + std::to_string(i) + "', zeroblob(100000))");
    }
    transaction.commit();
  });
  EXPECT_THAT(message, HasSubstr("the disk is full"));
  EXPECT_EQ(open_sqlite_store(file_)->state("0"), std::nullopt);
  EXPECT_EQ(open_sqlite_store(file_)->trials().size(), 40U);
}

TEST_F(SqliteStoreTest, ALockThatIsNeverGivenBackIsAUserError) {
  write_study();
  Database holder(file_);
  const Transaction transaction(holder);
  Database other(file_, std::chrono::milliseconds(20));
  EXPECT_THAT(user_error([&] { Transaction second(other); }), HasSubstr("another process"));
}

TEST_F(SqliteStoreTest, ReadersAreNotHeldUpByAWriter) {
  write_study();
  const auto reader = open_sqlite_store(file_);
  Database writer(file_);
  const Transaction transaction(writer);
  writer.execute("DELETE FROM trials");
  EXPECT_EQ(reader->trials().size(), 40U);
}

TEST_F(SqliteStoreTest, WrongSqlIsABug) {
  Database database(file_);
  try {
    Statement statement(database, "SELECT FROM nothing");
    FAIL() << "accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInternal);
  }
}

}  // namespace
}  // namespace parsimony::study
