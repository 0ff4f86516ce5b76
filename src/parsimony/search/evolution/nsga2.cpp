// SPDX-License-Identifier: Apache-2.0
#include "parsimony/search/evolution/nsga2.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "parsimony/core/files.h"
#include "parsimony/search/state.h"

namespace parsimony::search {
namespace {

std::int64_t checked_population(const Nsga2Options& options) {
  if (options.population < 2 || options.population % 2 != 0) {
    core::throw_user_error(
        "nsga2: a population of {}; expected an even number from 2 on (parents mate in pairs and "
        "have two children), for example 40",
        options.population);
  }
  return options.population;
}

bool all_finite(const objective::Point& point) {
  return std::ranges::all_of(point, [](double value) { return std::isfinite(value); });
}

void write(StateWriter& writer, const Individual<space::Tokens>& individual) {
  writer.tokens(individual.genes);
  writer.real(individual.fitness.violation);
  writer.integer(std::ssize(individual.fitness.point));
  for (const double value : individual.fitness.point) writer.real(value);
}

Individual<space::Tokens> read_individual(StateReader& reader) {
  Individual<space::Tokens> individual;
  individual.genes = reader.tokens();
  individual.fitness.violation = reader.real();
  for (std::int64_t left = reader.integer(); left > 0; --left)
    individual.fitness.point.push_back(reader.real());
  return individual;
}

}  // namespace

void Nsga2Options::visit(core::FieldVisitor& v) {
  v.field("population", population, {"parents, and children of a generation; even", 2, 1e6});
  v.field("crossover", crossover, {"probability that two parents exchange decisions", 0, 1});
  v.field("swap", swap, {"probability of each decision to be exchanged, if they do", 0, 1});
  v.field("mutation",
          mutation,
          {"probability of each decision to change; 0: one over the number of decisions", 0, 1});
  v.field("step", step, {"probability that an ordered decision changes to a neighbour", 0, 1});
  v.field("retries", retries, {"mutations of a child that was proposed before", 0, 1e6});
  v.field("siblings",
          siblings,
          {"children in a row that begin alike, so that parts of a supernet share what that "
           "computes; 1: none",
           1,
           1e6});
  v.field(
      "shared_work",
      shared_work,
      {"share of a network's multiply-accumulates that siblings have in common, at least", 0, 1});
}

Nsga2::Nsga2(const Nsga2Options& options, const space::SearchSpace& space, core::Rng rng)
    : options_(options),
      space_(space),
      variation_(options, space),
      evolution_(checked_population(options), rng) {}

space::Tokens Nsga2::ask(std::int64_t trial) {
  const Evolution::State& state = evolution_.state();
  const bool follows = state.generation > 0 && state.started % options_.siblings != 0;
  const std::span<const std::size_t> free = follows ? variation_.late() : variation_.all();
  core::Rng rng = state.rng.split("siblings").split(static_cast<std::uint64_t>(trial));
  space::Tokens tokens = follows ? variation_.sibling(leader_, evolution_.parent().genes, rng)
                                 : evolution_.propose(variation_);
  tokens = novel(std::move(tokens), free, trial);
  evolution_.start(trial, tokens);
  if (!follows) leader_ = tokens;
  proposed_.insert(identity(tokens));
  return tokens;
}

// 64 bits of the text's digest: should two texts ever share them, a child is mutated needlessly.
std::uint64_t Nsga2::identity(const space::Tokens& tokens) const {
  const std::string digest = core::sha256(space_.text(tokens));
  std::uint64_t number = 0;
  std::from_chars(digest.data(), digest.data() + 16, number, 16);
  return number;
}

space::Tokens Nsga2::novel(space::Tokens tokens,
                           std::span<const std::size_t> free,
                           std::int64_t trial) const {
  core::Rng rng = evolution_.state().rng.split("retries").split(static_cast<std::uint64_t>(trial));
  for (int i = 0; i < options_.retries && proposed_.contains(identity(tokens)); ++i) {
    // Siblings may have run out of what is new behind their leader's beginning.
    if (2 * i >= options_.retries) free = variation_.all();
    tokens = variation_.mutant(std::move(tokens), free, rng);
  }
  return tokens;
}

void Nsga2::tell(const Feedback& feedback) {
  const auto& running = evolution_.state().running;
  const auto found = running.find(feedback.trial);
  core::require(found != running.end(), "trial {} was told but is not in flight", feedback.trial);
  core::require(found->second == feedback.tokens,
                "trial {} was told with other tokens than were proposed",
                feedback.trial);
  core::require(!feedback.reward || std::isfinite(*feedback.reward),
                "trial {} was told with reward {}; a diverged candidate is a failure, not a reward",
                feedback.trial,
                feedback.reward.value_or(0));
  core::require(feedback.violation >= 0,
                "trial {} was told with violation {}, expected 0 or more",
                feedback.trial,
                feedback.violation);
  if (feedback.point) expect_points(feedback.point->size());
  evolution_.finish(feedback.trial, fitness_of(feedback));
}

// From the first point on, rewards are no stand-ins any more: what was judged by one of them counts
// as failed, as it cannot be compared.
void Nsga2::expect_points(std::size_t objectives) {
  core::require(objectives > 0, "a point of no objectives");
  core::require(objectives_ == 0 || objectives == objectives_,
                "a point of {} objectives, expected {}",
                objectives,
                objectives_);
  if (objectives_ != 0) return;
  objectives_ = objectives;
  Evolution::State state = evolution_.state();
  const auto withdraw = [](Fitness& fitness) {
    if (fitness.feasible()) fitness = failed();
  };
  for (auto& parent : state.parents) withdraw(parent.fitness);
  for (auto& [trial, individual] : state.pool) withdraw(individual.fitness);
  evolution_.restore(std::move(state));
}

Fitness Nsga2::fitness_of(const Feedback& feedback) const {
  if (feedback.point && !all_finite(*feedback.point)) return failed();
  if (feedback.violation > 0) return {{}, feedback.violation};
  if (feedback.point) return {*feedback.point, 0};
  if (feedback.reward && objectives_ == 0) return {{-*feedback.reward}, 0};
  return failed();
}

std::string Nsga2::save() const {
  const Evolution::State& state = evolution_.state();
  StateWriter writer(name(), space_);
  writer.integer(options_.population);
  writer.integer(options_.siblings);
  writer.integer(leader_.empty() ? 0 : 1);
  if (!leader_.empty()) writer.tokens(leader_);
  writer.integer(static_cast<std::int64_t>(objectives_));
  writer.integer(static_cast<std::int64_t>(state.rng.state()));
  writer.integer(state.generation);
  writer.integer(state.started);
  writer.integer(std::ssize(state.parents));
  for (const auto& parent : state.parents) write(writer, parent);
  writer.integer(std::ssize(state.pool));
  for (const auto& [trial, individual] : state.pool) {
    writer.integer(trial);
    write(writer, individual);
  }
  writer.integer(std::ssize(state.running));
  for (const auto& [trial, tokens] : state.running) {
    writer.integer(trial);
    writer.tokens(tokens);
  }
  writer.integer(std::ssize(proposed_));
  for (const std::uint64_t seen : proposed_) writer.integer(static_cast<std::int64_t>(seen));
  return std::move(writer).finish();
}

void Nsga2::load(std::string_view saved) {
  StateReader reader(saved, name(), space_);
  reader.expect(options_.population, "nsga2 population");
  reader.expect(options_.siblings, "nsga2 siblings");
  space::Tokens leader;
  if (reader.integer() != 0) leader = reader.tokens();
  const auto objectives = static_cast<std::size_t>(reader.integer());
  Evolution::State state;
  state.rng = core::Rng::from_state(static_cast<std::uint64_t>(reader.integer()));
  state.generation = reader.integer();
  state.started = reader.integer();
  for (std::int64_t left = reader.integer(); left > 0; --left)
    state.parents.push_back(read_individual(reader));
  for (std::int64_t left = reader.integer(); left > 0; --left) {
    const std::int64_t trial = reader.integer();
    state.pool[trial] = read_individual(reader);
  }
  for (std::int64_t left = reader.integer(); left > 0; --left) {
    const std::int64_t trial = reader.integer();
    state.running[trial] = reader.tokens();
  }
  std::set<std::uint64_t> proposed;
  for (std::int64_t left = reader.integer(); left > 0; --left)
    proposed.insert(static_cast<std::uint64_t>(reader.integer()));
  reader.finish();
  evolution_.restore(std::move(state));
  objectives_ = objectives;
  proposed_ = std::move(proposed);
  leader_ = std::move(leader);
}

std::map<std::string, double> Nsga2::diagnostics() const {
  const Evolution::State& state = evolution_.state();
  std::vector<Fitness> fitness;
  for (const auto& parent : state.parents) fitness.push_back(parent.fitness);
  const auto feasible = std::ranges::count_if(fitness, &Fitness::feasible);
  const auto first = std::ranges::count(standing_of(fitness).ranks, 0);
  return {{"generation", static_cast<double>(state.generation)},
          {"front", feasible > 0 ? static_cast<double>(first) : 0},
          {"feasible", static_cast<double>(feasible) / options_.population}};
}

}  // namespace parsimony::search
