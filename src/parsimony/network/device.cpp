// SPDX-License-Identifier: Apache-2.0
#include "parsimony/network/device.h"

#include <c10/core/StreamGuard.h>

#include <map>

#include "parsimony/core/error.h"
#include "parsimony/core/text.h"

namespace parsimony::network {
namespace {

const c10::impl::DeviceGuardImplInterface& runtime_of(at::Device device) {
  return *c10::impl::getDeviceGuardImpl(device.type());
}

int cuda_devices() {
  if (!at::hasCUDA()) return 0;
  return runtime_of(at::kCUDA).deviceCount();
}

std::string what_there_is() {
  const int count = cuda_devices();
  if (count > 0) return fmt::format("there are {} CUDA devices, numbered from 0", count);
  return at::hasCUDA() ? "LibTorch sees no CUDA device" : "LibTorch was built without CUDA";
}

c10::Stream stream_of_this_thread(at::Device device) {
  thread_local std::map<std::pair<c10::DeviceType, c10::DeviceIndex>, c10::Stream> streams;
  const std::pair key(device.type(), device.index());
  const auto found = streams.find(key);
  if (found != streams.end()) return found->second;
  return streams.emplace(key, runtime_of(device).getStreamFromGlobalPool(device)).first->second;
}

}  // namespace

at::Device device_of(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name == "auto") return cuda_devices() > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  const std::string number = name.starts_with("cuda:") ? name.substr(5) : "0";
  const bool is_number = !number.empty() && number.size() <= 3 &&
                         number.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || (name != "cuda" && !name.starts_with("cuda:"))) {
    core::throw_user_error("device '{}': expected cpu, cuda, cuda:N or auto", name);
  }
  const int index = std::stoi(number);
  if (index >= cuda_devices())
    core::throw_user_error("device '{}' is not there: {}; 'cpu' always is", name, what_there_is());
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

struct OwnStream::Guard {
  c10::StreamGuard guard;
};

OwnStream::OwnStream(at::Device device) {
  if (!device.is_cpu()) guard_.reset(new Guard{c10::StreamGuard(stream_of_this_thread(device))});
}

OwnStream::~OwnStream() = default;

void wait_for(at::Device device) {
  if (device.is_cpu()) return;
  const auto& runtime = runtime_of(device);
  runtime.synchronizeStream(runtime.getStream(device));
}

}  // namespace parsimony::network
