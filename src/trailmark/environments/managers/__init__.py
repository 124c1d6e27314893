"""Package managers: each resolves what is asked of it into a lock of its ecosystem's own format.

They know of no project and no engine. Import from the modules, so that a command loads only what it uses:

    protocol   PackageManager: what each of them can do          model    Wanted, ManagerLock, Step, SolveFailed
    pip        Pip: pylock.toml, through uv                      conda    Conda: conda-lock.yml, through py-rattler
    apt        Apt: apt.toml, through apt-get                    r        R: renv.lock, from CRAN-like repositories
    apt_base   BaseSystems: the package state of a base
    memory     Memory: for tests                                 edit     add, remove, unmet
"""
