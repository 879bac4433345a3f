#pragma once

#include <string_view>

namespace cpi {

/// A library that is loaded when something first needs it, and then stays.
class SharedLibrary {
public:
    /// Throws with the advice when it cannot be loaded.
    SharedLibrary(const char* file, std::string_view advice);

    /// Sets a pointer to the function of that name.
    template <class Function>
    void find(const char* name, Function& function) const
    {
        function = reinterpret_cast<Function>(find(name)); // NOLINT(*-reinterpret-cast): what dlsym is for
    }

private:
    [[nodiscard]] void* find(const char* name) const;

    const char* file_;
    void* handle_;
};

} // namespace cpi
