"""Environments: what was asked for (a request), all that was resolved from it (a lock), and a folder with it.

Import from the modules, so that a command loads only what it uses:

    model        EnvironmentRequest, Lock, parse_lock          edit         add, remove, with_python
    lock         resolve: request → lock                       realise      ensure: lock → environment
    interpreter  find_interpreter: a Python on this machine    uv           find_uv: the program that does it
    status       describe: where each package stands           catalogue    complete and newest, for names
    detect       what an existing repository asks for
"""
