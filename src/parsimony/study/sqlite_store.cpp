// SPDX-License-Identifier: Apache-2.0
#include <mutex>
#include <stdexcept>

#include "parsimony/study/columns.h"
#include "parsimony/study/sqlite.h"
#include "parsimony/study/sqlite_schema.h"
#include "parsimony/study/store.h"
#include "parsimony/study/trial_rows.h"
#include "parsimony/study/update_rules.h"

namespace parsimony::study {
namespace {

FinalModel model_of(const Query& row) {
  return {.trial = row.integer(0),
          .folder = row.text(1),
          .scores = scores_from_text(row.text(2)),
          .seconds = row.real(3)};
}

Event event_of(const Query& row) {
  return {.index = row.integer(0), .time = row.real(1), .kind = row.text(2), .text = row.text(3)};
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(const std::filesystem::path& file)
      : database_(file), statements_(database_) {}

  bool commit(const Update& update) override {
    require_valid(update);
    const std::lock_guard lock(mutex_);
    Transaction transaction(database_);
    for (const Trial& trial : update.trials) {
      if (!accepts(trial)) return false;
    }
    for (const Trial& trial : update.trials) save_trial(statements_.save_trial, trial);
    for (const FinalModel& model : update.models) {
      Query(statements_.save_model,
            model.trial,
            model.folder,
            scores_to_text(model.scores),
            model.seconds)
          .run();
    }
    for (const Event& event : update.events) {
      Query(statements_.add_event, event.time, event.kind, event.text).run();
    }
    for (const auto& [name, content] : update.states) {
      Query(statements_.save_state, name, Blob{content}).run();
    }
    transaction.commit();
    return true;
  }

  std::vector<Trial> trials() const override {
    const std::lock_guard lock(mutex_);
    Query query(statements_.all_trials);
    return read_all<Trial>(query, trial_of);
  }

  std::vector<FinalModel> models() const override {
    const std::lock_guard lock(mutex_);
    Query query(statements_.all_models);
    return read_all<FinalModel>(query, model_of);
  }

  std::vector<Event> events(std::int64_t after_index) const override {
    const std::lock_guard lock(mutex_);
    Query query(statements_.events_after, after_index);
    return read_all<Event>(query, event_of);
  }

  std::optional<std::string> state(std::string_view name) const override {
    const std::lock_guard lock(mutex_);
    Query query(statements_.load_state, name);
    if (!query.next()) return std::nullopt;
    return query.blob(0);
  }

 private:
  struct Statements {
    explicit Statements(Database& database)
        : claim(prepared(database), kClaimSql),
          save_trial(database, save_trial_sql()),
          save_model(
              database,
              "REPLACE INTO models (trial, folder, scores_json, seconds) VALUES (?1, ?2, ?3, ?4)"),
          add_event(database, "INSERT INTO events (time, kind, text) VALUES (?1, ?2, ?3)"),
          save_state(database, "REPLACE INTO states (name, content) VALUES (?1, ?2)"),
          all_trials(database, all_trials_sql()),
          all_models(database,
                     "SELECT trial, folder, scores_json, seconds FROM models ORDER BY trial"),
          events_after(database,
                       "SELECT id, time, kind, text FROM events WHERE id > ?1 ORDER BY id"),
          load_state(database, "SELECT content FROM states WHERE name = ?1") {}

    // The tables must exist before the first statement that names one is compiled.
    static Database& prepared(Database& database) {
      prepare_schema(database);
      return database;
    }

    Statement claim, save_trial, save_model, add_event, save_state;
    Statement all_trials, all_models, events_after, load_state;
  };

  bool accepts(const Trial& trial) const {
    Query query(statements_.claim, trial.id);
    if (!query.next()) return true;
    return checked([&] { return may_replace(claim_of(query), trial); });
  }

  template <typename Value>
  std::vector<Value> read_all(Query& query, Value (*value_of)(const Query&)) const {
    std::vector<Value> values;
    while (query.next()) {
      values.push_back(checked([&] { return value_of(query); }));
    }
    return values;
  }

  // Content that we would not have written is damage to the file, like a bad page.
  template <typename Read>
  auto checked(const Read& read) const -> decltype(read()) {
    try {
      return read();
    } catch (const std::invalid_argument& error) {
      database_.fail_damaged(error.what());
    }
  }

  mutable std::mutex mutex_;  // guards all below, also for reading: a connection serves one caller
  mutable Database database_;
  mutable Statements statements_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& file) {
  return std::make_unique<SqliteStore>(file);
}

}  // namespace parsimony::study
