#pragma once

#include "base/secret.h"
#include "json/json.h"

namespace cpi {

/// Tells the redactor every string in it.
void hide_strings(Redactor& redactor, const json::Place& place);

/// Tells the redactor what must not appear in any output: the strings of create_vm's `env`, but for the names
/// by which BOSH groups VMs, and whatever the context holds under a name that means a secret.
void hide_secrets(Redactor& redactor, const json::Place& method, const json::Place& arguments,
                  const json::Place& context);

} // namespace cpi
