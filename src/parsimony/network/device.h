// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "parsimony/network/tensor.h"

// Where networks are trained. Nothing here needs CUDA's headers: the same source compiles with a
// LibTorch that knows CUDA and with one that does not.
namespace parsimony::network {

// The device of a name: "cpu"; "cuda" (the first one) or "cuda:N"; "auto", which is the first CUDA
// device where there is one and the CPU elsewhere. A name that is none of these, or a device that
// is not there, is a user error.
at::Device device_of(const std::string& name);

// As long as it lives, what the calling thread gives to `device` runs in a stream of that thread's
// own, beside what other threads give to it. A thread always gets the same stream of a device, so
// that memory which it freed serves it again. Without effect on a CPU.
class OwnStream {
 public:
  explicit OwnStream(at::Device device);
  ~OwnStream();
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

 private:
  struct Guard;
  std::unique_ptr<Guard> guard_;
};

// Waits until everything that the calling thread gave to `device` is done: before other threads
// read it in streams of their own, and before a clock is read.
void wait_for(at::Device device);

}  // namespace parsimony::network
