#include "cpi/operator/commands.h"

#include "cpi/config/config.h"
#include "cpi/cpi.h"
#include "cpi/disk/convert_disk.h"
#include "cpi/disk/snapshots.h"
#include "cpi/operator/form.h"
#include "cpi/operator/schemas.h"
#include "cpi/operator/tables.h"
#include "cpi/process.h"
#include "cpi/serve.h"
#include "cpi/wire/redact.h"
#include "host/local_host.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <iostream>

namespace cpi {

namespace {

/// An operator's command: what it prints, or why it failed.
int operate(const std::string& config_file, const std::function<std::string(Cpi&)>& command)
{
    Log log;
    try {
        require_descriptors();
        end_in_order([](const std::string& message) { std::cerr << message << "\n"; }, EXIT_FAILURE,
                     no_listener);
        const json::Document no_context;
        const Config config = read_config(read_config_file(config_file), config_file, json::root(no_context));
        hide_secrets(log.redactor(), config);
        LocalHost host;
        Cpi cpi{config, host, log};
        std::cout << command(cpi) << std::endl;
        cpi.do_what_comes_afterwards();
        // The watching thread lives on: leave without taking apart what it uses.
        ::_exit(EXIT_SUCCESS);
    } catch (const std::exception& error) {
        std::cerr << log.redactor().clean(error.what()) << "\n";
        ::_exit(EXIT_FAILURE);
    }
}

int restore(const Given& given)
{
    const RestoreTo to = given.contains("--as-new") ? RestoreTo::a_new_disk : RestoreTo::the_disk;
    return operate(given.at("FILE"),
                   [&](Cpi& cpi) { return restore_disk(cpi, SnapshotCid{given.at("SNAPSHOT")}, to).str(); });
}

int convert(const Given& given)
{
    return operate(given.at("FILE"), [&](Cpi& cpi) {
        convert_disk(cpi, DiskCid{given.at("DISK")}, given.at("FORMAT"));
        return given.at("DISK");
    });
}

int print(std::string_view text)
{
    std::cout << text << (text.ends_with('\n') ? "" : "\n");
    return EXIT_SUCCESS;
}

int print_schema(const Given& given)
{
    const auto name = given.find("NAME");
    try {
        return print(schema_of(name == given.end() ? "config" : name->second));
    } catch (const Error& error) {
        std::cerr << error.what() << "\n";
        return EXIT_FAILURE;
    }
}

int print_completion(const Given& given)
{
    const std::string_view script = completion_script(given.at("SHELL"));
    if (!script.empty())
        return print(script);
    std::cerr << "there is no completion for '" << excerpt(given.at("SHELL"))
              << "'; there are: " << join(known_shells(), ", ") << "\n";
    return EXIT_FAILURE;
}

int check_config(const Given& given)
{
    const std::string& file = given.at("FILE");
    try {
        const json::Document no_context;
        const Config config = read_config(read_config_file(file), file, json::root(no_context));
        const Hypervisor& hypervisor = *config.hypervisor.row;
        std::cout << file << " is valid\n"
                  << "  hypervisor  " << hypervisor.name << "\n"
                  << "  uri         " << config.connection_uri() << "\n"
                  << "  store_dir   " << config.store_dir.text << "\n"
                  << "  stemcells  ";
        for (const auto& format : hypervisor.stemcell_formats)
            std::cout << " " << format;
        std::cout << "\n";
        if (config.is_remote())
            std::cout << "  host        " << config.host.text << "\n";
        if (const std::string trouble = store_trouble(config); !trouble.empty())
            std::cerr << "warning: where the host has AppArmor, " << trouble << "\n";
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return EXIT_FAILURE;
    }
}

constexpr std::array all_forms{
    Form{"--config FILE", "read one CPI request on stdin, answer it on stdout",
         [](const Given& given) { return serve(given.at("FILE")); }},
    Form{"--config FILE restore-disk SNAPSHOT [--as-new]",
         "make a detached disk what it was when the snapshot was taken, or make a new disk of the snapshot; "
         "prints the disk's cid",
         &restore},
    Form{"--config FILE convert-disk DISK --to FORMAT",
         "make a detached disk of another hypervisor, or for other ids, one of the configured; prints the "
         "disk's cid",
         &convert},
    Form{"config check FILE", "say whether FILE is a valid configuration, and what follows from it",
         &check_config},
    Form{"config schema [NAME]",
         "print the JSON Schema of the configuration; NAME: of the cloud properties in vm_types, "
         "disk_types or networks",
         &print_schema},
    Form{"hypervisors", "print what each hypervisor can do: methods and cloud properties",
         [](const Given& /*nothing*/) {
             return print(concat(method_table(), "\n", vm_support_table(), "\n", nic_support_table()));
         }},
    Form{"properties", "print what each cloud property means",
         [](const Given& /*nothing*/) { return print(concat(vm_table(), "\n", nic_table())); }},
    Form{"completion SHELL", "print what lets a shell complete these words: bash, zsh or fish",
         &print_completion},
    // Only these say what the program is.
    Form{"manual", "print this as a page for man", nullptr},
    Form{"--version", "print the version", nullptr},
    Form{"--help", "print this", nullptr},
};

std::vector<std::string> choices(std::string_view open)
{
    if (open == "NAME")
        return schema_names();
    return open == "SHELL" ? known_shells() : std::vector<std::string>{};
}

int say_what_this_is(std::string_view word, std::string_view version)
{
    if (word == "manual")
        return print(manual_of(all_forms, version));
    return word == "--version" ? print(concat("libvirt_cpi ", version)) : print(usage_of(all_forms));
}

} // namespace

int run(std::span<const std::string> words, std::string_view version)
{
    if (!words.empty() && words.front() == "complete") { // asked by the shells' scripts
        for (const auto& word : completions(all_forms, words.subspan(1), &choices))
            std::cout << word << "\n";
        return EXIT_SUCCESS;
    }
    for (const Form& form : all_forms)
        if (const auto given = match(form, words))
            return form.run == nullptr ? say_what_this_is(words.front(), version) : form.run(*given);
    std::cerr << usage_of(all_forms);
    return 2;
}

} // namespace cpi
