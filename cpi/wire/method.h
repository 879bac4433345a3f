#pragma once

#include "cpi/wire/arguments.h"
#include "cpi/wire/results.h"
#include "json/codec.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace cpi {

class Cpi;

/// One CPI method: its name on the wire and the typed function behind it.
struct Method {
    std::string_view name;
    void (*call)(Cpi& cpi, const json::Place& arguments, json::Writer& result); // null: not built
    enum class Uses { nothing, store, machines };
    Uses uses = Uses::nothing;   // always; the way to the machines of a remote host is begun at once
    bool needs_networks = false; // of libvirt
};

namespace detail {

template <class T>
struct IsOptional : std::false_type {
};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {
};

/// The signature is the schema: how many arguments, of which types, and which may be left out at the end.
template <auto handler>
struct Call;

template <class Result, class... Args, Result (*handler)(Cpi&, Args...)>
struct Call<handler> {
    using Typed = std::tuple<std::remove_cvref_t<Args>...>;

    static void run(Cpi& cpi, const json::Place& arguments, json::Writer& result)
    {
        Typed typed = read(arguments, std::index_sequence_for<Args...>{});
        const auto call = [&cpi](auto&... argument) -> Result { return handler(cpi, argument...); };
        if constexpr (std::is_void_v<Result>) {
            std::apply(call, typed);
            result.null();
        } else {
            write_result(result, std::apply(call, typed));
        }
    }

    template <std::size_t... index>
    static Typed read(const json::Place& arguments, std::index_sequence<index...> /*positions*/)
    {
        constexpr std::size_t most = sizeof...(Args);
        constexpr std::size_t least = (0 + ... + (IsOptional<std::remove_cvref_t<Args>>::value ? 0 : 1));
        try {
            std::vector<json::Place> places = arguments.items();
            if (places.size() < least || places.size() > most)
                throw Error{ErrorKind::invalid_call,
                            concat("expected ", least == most ? "" : concat(least, " to "), most,
                                   " arguments, got ", places.size())};
            while (places.size() < most)
                places.emplace_back(nullptr, concat(arguments.path(), '[', places.size(), ']'));
            // A braced tuple is read from left to right: the first bad argument is the one that is named.
            return Typed{json::Codec<std::remove_cvref_t<Args>>::read(places[index])...};
        } catch (const Error& error) {
            throw wrong_argument(error.what(), error.kind());
        }
    }
};

} // namespace detail

template <auto handler>
consteval Method method(std::string_view name)
{
    return {name, &detail::Call<handler>::run};
}

/// One that makes, changes or removes what is in the store.
template <auto handler>
consteval Method store_method(std::string_view name)
{
    return {name, &detail::Call<handler>::run, Method::Uses::store};
}

/// One that makes or removes networks of libvirt.
template <auto handler>
consteval Method network_method(std::string_view name)
{
    return {name, &detail::Call<handler>::run, Method::Uses::store, true};
}

/// One that always asks the hypervisor of its VMs.
template <auto handler>
consteval Method machine_method(std::string_view name)
{
    return {name, &detail::Call<handler>::run, Method::Uses::machines};
}

/// A method of the contract that answers NotImplemented.
consteval Method not_built(std::string_view name)
{
    return {name, nullptr};
}

} // namespace cpi
