// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "parsimony/graph/lower.h"
#include "parsimony/network/network.h"
#include "parsimony/run/study_options.h"
#include "parsimony/task/task.h"
#include "parsimony/weights/tensor_file.h"

namespace parsimony::run {

// A network that somebody trained before the study: of Parsimony, or one of TensorFlow's DeepLabV3.
struct TrainedNetwork {
  std::string genotype;               // of a DeepLabV3 that of the whole supernet
  graph::NetworkDescription network;  // `classes`: how many it tells apart
  std::vector<std::string> classes;   // their names; empty where nobody knows them
  weights::ArrayMap weights;
};

// Reads a model folder, or a weight file of supernet::import_deeplab. User errors begin with
// `option`, the study's option that names `path`.
TrainedNetwork read_trained_network(const std::filesystem::path& path, std::string_view option);

// The same network, but telling only the classes of a data set apart: `chosen` has the
// names, or numbers from 0, of those of the network's that they are, in the data set's order;
// empty: all. A user error names `option`, the
// group of options with `chosen` as "classes", when they are not as many as the data set's.
TrainedNetwork with_classes(TrainedNetwork trained,
                            const std::vector<std::string>& chosen,
                            const std::vector<std::string>& dataset_classes,
                            std::string_view option);

// The study's teacher for this task, telling the data set's classes apart; teacher.model must not
// be empty.
network::Network load_teacher(const TeacherOptions& options,
                              const task::Task& task,
                              const data::DatasetInfo& info,
                              at::Device device);

}  // namespace parsimony::run
