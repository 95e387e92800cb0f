/** TFHE's part of the addon. */
#pragma once

#include <napi.h>

namespace polytorus {

/** Adds the functions that src/native/tfhe-addon.ts describes. Once for each thread that loads the addon. */
void exposeTfhe(Napi::Env env, Napi::Object exports);

}  // namespace polytorus
