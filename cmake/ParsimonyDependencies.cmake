# Every third-party library, found once. Modules name the targets they use.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CLI11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)
if(PARSIMONY_TESTS)
  find_package(GTest REQUIRED)
endif()

# matio brings no CMake package; its pkg-config file asks for HDF5's headers, which only static linking needs.
find_path(MATIO_INCLUDE_DIR matio.h REQUIRED)
find_library(MATIO_LIBRARY matio REQUIRED)
mark_as_advanced(MATIO_INCLUDE_DIR MATIO_LIBRARY)
add_library(matio::matio UNKNOWN IMPORTED)
set_target_properties(matio::matio PROPERTIES IMPORTED_LOCATION ${MATIO_LIBRARY}
                                              INTERFACE_INCLUDE_DIRECTORIES ${MATIO_INCLUDE_DIR})

# yaml-cpp 0.7 (Debian 12) exports the plain name, later releases a namespaced one.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

if(PARSIMONY_TORCH)
  find_package(Torch REQUIRED)
  # One target for LibTorch, so that its headers are system headers and its flags stay in one place.
  add_library(parsimony_torch INTERFACE)
  target_include_directories(parsimony_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(parsimony_torch INTERFACE ${TORCH_LIBRARIES})
  separate_arguments(parsimony_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(parsimony_torch INTERFACE ${parsimony_torch_flags})
  # at::parallel_for is a template: in code compiled without OpenMP it runs on one thread. GNU's
  # OpenMP is opaque to the thread sanitizer.
  if(NOT PARSIMONY_SANITIZE MATCHES "thread")
    find_package(OpenMP REQUIRED COMPONENTS CXX)
    target_link_libraries(parsimony_torch INTERFACE OpenMP::OpenMP_CXX)
  endif()
endif()

# Flags of our own code: warnings and sanitizers.
add_library(parsimony_flags INTERFACE)
target_include_directories(parsimony_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(parsimony_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                 -Woverloaded-virtual -Wimplicit-fallthrough)
# False alarms of GCC 12 in std::string concatenation (GCC bug 105329 and its relatives).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  target_compile_options(parsimony_flags INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overread
                                                   -Wno-stringop-overflow)
endif()
if(PARSIMONY_WERROR)
  target_compile_options(parsimony_flags INTERFACE -Werror)
endif()
if(PARSIMONY_SANITIZE)
  target_compile_options(parsimony_flags INTERFACE -fsanitize=${PARSIMONY_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=undefined)
  target_link_options(parsimony_flags INTERFACE -fsanitize=${PARSIMONY_SANITIZE})
endif()
