// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "parsimony/core/text.h"
#include "parsimony/deploy/model_card.h"

namespace parsimony::deploy {
namespace {

std::string output_text(const ModelCard& card) {
  std::vector<std::string> channels;
  for (const std::string& task : card.tasks) {
    channels.emplace_back(task == "segmentation" ? "one score per class"
                          : task == "pose"       ? "one heat map per joint"
                                                 : "one depth");
  }
  const std::string all = core::join(channels, ", then ");
  switch (card.interface.output) {
    case OutputKind::kLogits:
      return all + ", at the network's own resolution" +
             (card.has_task("segmentation")
                  ? "; resize scores bilinearly to the picture before taking the largest"
                  : "");
    case OutputKind::kPictureLogits:
      return all + ", for every pixel of the picture";
    case OutputKind::kClasses:
      return "the class id of every pixel of the picture";
  }
  return {};
}

// Text of a table cell or of a line: nothing in it may end either.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '|' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

// The lines that make of the output what the tasks are about.
std::string reading_example(const ModelCard& card) {
  if (card.interface.output == OutputKind::kClasses) return {};
  std::string code;
  std::int64_t first = 0;
  const auto channels = [&](std::int64_t count) {
    const std::string text = fmt::format("logits[:, {}:{}]", first, first + count);
    first += count;
    return text;
  };
  for (const std::string& task : card.tasks) {
    if (task == "segmentation") {
      code += fmt::format("classes = {}.argmax(1)  # ids as in the table below\n",
                          channels(std::ssize(card.classes)));
    } else if (task == "depth") {
      const std::string said = channels(1);
      const std::string metres =
          card.depth.form == "log" ? fmt::format("np.exp({})", said)
          : card.depth.form == "inverse"
              ? fmt::format("1 / np.maximum({}, {})", said, 1 / card.depth.farthest)
              : said;
      code += fmt::format(
          "metres = np.clip({}, {}, {})[:, 0]\n", metres, card.depth.nearest, card.depth.farthest);
    } else {
      code += fmt::format(
          "maps = {}  # a heat map for each joint of the list below\n"
          "best = maps.reshape(maps.shape[1], -1).argmax(1)\n"
          "x = (best % maps.shape[3] + 0.5) * {} / maps.shape[3] - 0.5  # pixels of the picture\n"
          "y = (best // maps.shape[3] + 0.5) * {} / maps.shape[2] - 0.5\n",
          channels(std::ssize(card.pose.joints)),
          card.interface.width,
          card.interface.height);
    }
  }
  return code;
}

// How a picture is brought to the network's size.
std::string sizing_example(const ModelInterface& io) {
  if (!io.keep_aspect)
    return fmt::format(
        "picture = Image.open(\"picture.jpg\").convert(\"RGB\").resize(({}, {}), Image.BICUBIC)\n",
        io.width,
        io.height);
  std::vector<long> padding;
  for (const double mean : io.mean) padding.push_back(std::lround(255 * mean));
  return fmt::format(
      "picture = Image.open(\"picture.jpg\").convert(\"RGB\")  # scaled as far as it fits, padded\n"
      "picture = ImageOps.pad(picture, ({}, {}), Image.BICUBIC, color=({}))\n",
      io.width,
      io.height,
      fmt::join(padding, ", "));
}

std::string python_example(const ModelCard& card) {
  const ModelInterface& io = card.interface;
  std::string code = fmt::format(
      "import numpy as np, onnxruntime as ort\n"
      "from PIL import Image{}\n\n"
      "{}"
      "x = np.asarray(picture, np.float32).transpose(2, 0, 1)[None]  # [1, 3, {}, {}], 0..255\n",
      io.keep_aspect ? ", ImageOps" : "",
      sizing_example(io),
      io.height,
      io.width);
  if (!io.normalise_inside) {
    code += fmt::format(
        "mean = np.float32([{}]).reshape(1, 3, 1, 1)\n"
        "std = np.float32([{}]).reshape(1, 3, 1, 1)\n"
        "x = (x / 255 - mean) / std\n",
        fmt::join(io.mean, ", "),
        fmt::join(io.deviation, ", "));
  }
  code += "session = ort.InferenceSession(\"model.onnx\", providers=[\"CPUExecutionProvider\"])\n";
  code += fmt::format("{0} = session.run([\"{0}\"], {{\"picture\": x}})[0]  # [{1}]\n",
                      io.output_name(),
                      fmt::join(card.output_shape, ", "));
  code += reading_example(card);
  return code;
}

std::string numbers_table(const ModelCard& card) {
  std::string table = "| number | value | definition |\n|---|---|---|\n";
  const auto row =
      [&table](std::string_view name, const std::string& value, std::string_view definition) {
        table += fmt::format("| {} | {} | {} |\n", name, value, definition);
      };
  row("parameters",
      fmt::format(
          "{} ({})", card.costs.params, core::human_count(static_cast<double>(card.costs.params))),
      "convolution weights and biases, batch-norm scales and shifts; without auxiliary branches");
  row("MACs",
      fmt::format(
          "{} ({})", card.costs.macs, core::human_count(static_cast<double>(card.costs.macs))),
      "multiply-accumulates of all convolutions for one picture of this size; about half of what "
      "is called FLOPs");
  row("peak activations",
      core::human_bytes(static_cast<double>(card.costs.peak_activation_bytes)),
      "largest sum of feature maps alive at once, fp32, batch 1; weights not counted");
  for (const auto& [name, value] : card.metrics) {
    row(one_line(name), fmt::format("{:.4g}", value), one_line("test split of " + card.dataset));
  }
  for (const ModelLatency& latency : card.latencies) {
    row(one_line("latency, " + latency.meter),
        fmt::format("{:.3g} ms", latency.milliseconds),
        one_line(latency.conditions));
  }
  row("export difference",
      fmt::format("{:.2g}", card.parity.relative()),
      "largest difference between ONNX Runtime and the trained network, relative to the largest "
      "output");
  row("export agreement",
      fmt::format("{:.4f} %", 100 * card.parity.class_agreement),
      "share of pixels with the same class in both");
  return table;
}

std::string classes_table(const ModelCard& card) {
  std::string table = "| id | class | colour |\n|---|---|---|\n";
  for (std::size_t i = 0; i < card.classes.size(); ++i) {
    const auto& [name, color] = card.classes[i];
    table += fmt::format(
        "| {} | {} | #{:02x}{:02x}{:02x} |\n", i, one_line(name), color[0], color[1], color[2]);
  }
  return table;
}

// What the channels stand for, a section for each task.
std::string channels_text(const ModelCard& card) {
  std::string text;
  if (card.has_task("segmentation")) text += fmt::format("## Classes\n\n{}\n", classes_table(card));
  if (card.has_task("pose")) {
    text += "## Joints\n\n| channel | joint |\n|---|---|\n";
    for (std::size_t j = 0; j < card.pose.joints.size(); ++j)
      text += fmt::format("| {} | {} |\n", j, one_line(card.pose.joints[j]));
    text += "\n";
  }
  if (card.has_task("depth")) {
    text += fmt::format(
        "## Depth\n\nMetres along the camera's axis, {} to {}, for cameras whose field of view is "
        "that of {}; the channel holds {}.\n\n",
        card.depth.nearest,
        card.depth.farthest,
        one_line(card.dataset),
        card.depth.form == "log"       ? "their natural logarithm"
        : card.depth.form == "inverse" ? "their reciprocal"
                                       : "them");
  }
  return text;
}

std::string outputs_text(const ModelCard& card) {
  std::vector<std::string> parts;
  if (card.has_task("segmentation"))
    parts.push_back(fmt::format("{} classes", card.classes.size()));
  if (card.has_task("depth")) parts.emplace_back("depth");
  if (card.has_task("pose")) parts.push_back(fmt::format("{} joints", card.pose.joints.size()));
  return core::join(parts, " and ");
}

std::string origin_list(const ModelCard& card) {
  std::string list;
  const auto line = [&list](std::string_view name, const std::string& value) {
    list += fmt::format("* {}: {}\n", name, one_line(value));
  };
  line("data set", card.dataset);
  for (const auto& [key, value] : card.training) {
    const double* number = std::get_if<double>(&value);
    line(one_line(key),
         number != nullptr ? fmt::format("{}", *number) : std::get<std::string>(value));
  }
  line("seed", fmt::format("{}", card.seed));
  line("date", card.date);
  line("Parsimony", card.parsimony);
  for (const auto& [name, hash] : card.files) line(one_line(name), "SHA-256 " + hash);
  return list;
}

std::string architecture_text(const ModelCard& card) {
  if (card.is_part_of_supernet()) {
    return fmt::format(
        "the part `{}` of a DeepLabV3 with backbone `{}`, width {}, output stride {}",
        one_line(card.genotype),
        graph::kDeeplabBackboneNames[static_cast<std::size_t>(card.supernet.backbone)],
        card.supernet.width,
        card.supernet.output_stride);
  }
  if (card.is_grid()) {
    return fmt::format("the paths and the cell `{}` of a grid, {} filters, {} cells per node ({})",
                       one_line(card.genotype),
                       card.grid.filters,
                       card.grid.cells,
                       graph::kRspModeNames[static_cast<std::size_t>(card.grid.rsp)]);
  }
  return fmt::format("encoder `{}`, decoder `{}` of the space `{}`, width {}, {} repeat(s)",
                     one_line(card.encoder.name),
                     one_line(card.genotype),
                     one_line(card.space),
                     card.decoder.width,
                     card.decoder.repeats);
}

}  // namespace

std::string to_markdown(const ModelCard& card) {
  std::string trial;
  if (card.trial > 0) trial = fmt::format(" It is trial {} of its study.", card.trial);
  return fmt::format(
      "# {}\n\n"
      "A network for dense prediction, of {}, found and trained by Parsimony: {}.{}\n\n"
      "## Run it\n\n"
      "Input `picture`: {}.\n\n"
      "Output `{}` [{}]: {}.\n\n"
      "```python\n{}```\n\n"
      "## Numbers\n\n{}\n"
      "{}"
      "## Where it comes from\n\n{}",
      one_line(card.name),
      outputs_text(card),
      architecture_text(card),
      trial,
      card.interface.preprocessing_text(),
      card.interface.output_name(),
      fmt::join(card.output_shape, ", "),
      output_text(card),
      python_example(card),
      numbers_table(card),
      channels_text(card),
      origin_list(card));
}

}  // namespace parsimony::deploy
