/** What the addon exports: functions of each core by name, and how their exceptions become JavaScript's. */
#pragma once

#include "arguments.h"

namespace polytorus {

/** Puts the exception that is being handled into JavaScript's terms. Only inside a catch. */
[[noreturn]] void throwToJavaScript(Napi::Env env);

template <auto Call>
auto guarded(const Info& info) {
  try {
    return Call(info);
  } catch (...) {
    throwToJavaScript(info.Env());
  }
}

template <auto Call>
void expose(Napi::Object& exports, const char* name) {
  exports[name] = Napi::Function::New<guarded<Call>>(exports.Env(), name);
}

// Each adds the functions that src/native/addon.ts describes. Once for each thread that loads the addon.
void exposeHashes(Napi::Object exports);
void exposeTrees(Napi::Object exports);
void exposeTransfers(Napi::Object exports);
void exposeRows(Napi::Object exports);
void exposeChanges(Napi::Object exports);
void exposeWire(Napi::Object exports);
void exposeExecutions(Napi::Object exports);
/** As `tfhe`, which src/native/tfhe-addon.ts describes. */
void exposeTfhe(Napi::Object exports);

}  // namespace polytorus
