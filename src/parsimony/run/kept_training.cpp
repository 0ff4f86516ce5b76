// SPDX-License-Identifier: Apache-2.0
#include "parsimony/run/kept_training.h"

#include "parsimony/core/config.h"
#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/deploy/version.h"
#include "parsimony/graph/simplify.h"
#include "parsimony/network/device.h"
#include "parsimony/weights/cache.h"
#include "parsimony/weights/safetensors.h"

namespace parsimony::run {
namespace {

namespace fs = std::filesystem;

std::string digest(const data::Sample& sample) {
  const auto* depth = reinterpret_cast<const std::uint8_t*>(sample.depth.metres.data());
  std::string text = fmt::format("{}x{} {} {} {}",
                                 sample.image.width,
                                 sample.image.height,
                                 core::sha256(sample.image.pixels),
                                 core::sha256(sample.labels.ids),
                                 core::sha256({depth, sample.depth.metres.size() * sizeof(float)}));
  for (const auto& [left, right] : sample.mirror_pairs) text += fmt::format(" {}/{}", left, right);
  for (const auto& [left, right] : sample.joint_pairs) text += fmt::format(" {}|{}", left, right);
  if (sample.pose) {
    text += fmt::format(" {} {}", sample.pose->head_size, sample.pose->area);
    for (const data::Joint& joint : sample.pose->joints)
      text += fmt::format(" {},{},{}", joint.x, joint.y, static_cast<int>(joint.visibility));
  }
  return core::sha256(text);
}

// Changes with everything that could change the trained weights.
std::string key_of(const KeptTraining& what,
                   const std::vector<data::Sample>& samples,
                   const std::vector<data::Sample>& validation) {
  std::string text = fmt::format("parsimony {}\n{}\n{}\nseed {}\n",
                                 deploy::version(),
                                 core::to_yaml(what.training),
                                 what.task_options,
                                 what.seed);
  const std::vector<std::uint64_t> structures = graph::structures(what.network);
  for (std::size_t i = 0; i < structures.size(); ++i)
    text += fmt::format("{} {:x}\n", what.network.nodes[i].name, structures[i]);
  const weights::ArrayMap teacher = what.teacher ? what.teacher->save() : weights::ArrayMap();
  for (const weights::ArrayMap* map : {&what.initial, &teacher}) {
    text += "weights\n";
    for (const auto& [name, array] : map->arrays)
      text += fmt::format("{} {}\n", name, core::sha256(array.bytes));
  }
  for (const auto* split : {&samples, &validation}) {
    text += "split\n";
    for (const data::Sample& sample : *split) text += digest(sample) + "\n";
  }
  return core::sha256(text);
}

// Where the machine keeps it; nothing where no folder for that is known.
std::optional<fs::path> kept_file(const std::string& key) {
  try {
    return weights::cache_folder() / "trained" / (key + ".safetensors");
  } catch (const core::Error&) {
    return std::nullopt;
  }
}

// A kept file is a convenience: one that cannot be written or read must not end a study.
void keep(const weights::ArrayMap& trained, const fs::path& file, const core::Context& context) {
  try {
    fs::create_directories(file.parent_path());
    weights::write_safetensors(file, trained);
  } catch (const std::exception& error) {
    context.log.line(
        core::LogLevel::kWarning,
        fmt::format("the trained network is not kept for other studies: {}", error.what()));
  }
}

bool take_over(network::Network& net, const fs::path& file, const core::Context& context) {
  if (!fs::exists(file)) return false;
  try {
    net.load(weights::read_safetensors(file), file.string());
    return true;
  } catch (const core::Error& error) {
    context.log.line(
        core::LogLevel::kWarning,
        fmt::format("trained anew, the kept network cannot be used: {}", error.what()));
    return false;
  }
}

}  // namespace

std::optional<network::Network> train_or_take_over(const KeptTraining& what,
                                                   const std::vector<data::Sample>& samples,
                                                   const std::vector<data::Sample>& validation,
                                                   const fs::path& folder,
                                                   bool reuse,
                                                   const std::string& name,
                                                   const std::string& options_name,
                                                   const core::Context& context) {
  const core::Rng rng = core::Rng(what.seed).split("start");
  network::Network net(
      what.network, rng.split("weights"), {.device = network::device_of(context.device)});
  const fs::path file = folder / "weights.safetensors";
  if (fs::exists(file)) {
    net.load(weights::read_safetensors(file), file.string());
    return net;
  }
  const auto kept = reuse ? kept_file(key_of(what, samples, validation)) : std::nullopt;
  if (kept && take_over(net, *kept, context)) {
    context.log.line(
        core::LogLevel::kInfo,
        fmt::format(
            "{}: taken over from {}, where an equal training left it", name, kept->string()));
    weights::write_safetensors(file, net.save());
    return net;
  }
  if (!what.initial.arrays.empty())
    net.load_section(what.initial, graph::Section::kEncoder, "the encoder's initial weights");
  const fs::path checkpoint = folder / "checkpoint.safetensors";
  const train::TrainerResult result = train::train_fully(net,
                                                         samples,
                                                         validation,
                                                         *what.task,
                                                         what.training,
                                                         rng,
                                                         checkpoint,
                                                         context,
                                                         name,
                                                         what.teacher);
  if (result.end == train::TrainerEnd::kInterrupted) return std::nullopt;
  if (result.end == train::TrainerEnd::kDiverged) {
    core::throw_user_error(
        "{}: the training diverged in epoch {}; lower {}.encoder.rate or "
        "{}.decoder.rate",
        name,
        result.epochs + 1,
        options_name,
        options_name);
  }
  context.log.line(core::LogLevel::kInfo,
                   fmt::format("{}: validation {} after {} epochs ({})",
                               name,
                               task::quality_text(*what.task, result.best),
                               result.epochs,
                               core::human_duration(result.seconds)));
  const weights::ArrayMap trained = net.save();
  weights::write_safetensors(file, trained);
  if (kept) keep(trained, *kept, context);
  fs::remove(checkpoint);
  return net;
}

}  // namespace parsimony::run
