// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "parsimony/run/model.h"

namespace parsimony::run {

// What can be said of a picture without looking at it: for each place the mean of what the labels
// of the training split ask for there, that is the most frequent class, the mean depth (of the
// task's form), the joint where people's joints lie most often. A network that is no better has
// learned nothing from its pictures. Of large splits up to 1000 pictures, evenly spread, are read.
// nullptr when interrupted.
std::unique_ptr<Model> constant_model(ModelTask task,
                                      const data::Dataset& dataset,
                                      const core::Context& context);

}  // namespace parsimony::run
