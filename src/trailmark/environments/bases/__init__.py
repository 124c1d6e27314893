"""Bases: described starting points of environments, and the catalogues that hold them.

A base says which operating system image a project starts from (by digest), or how one is made here (debootstrap),
which languages and tools are on it, what each package manager finds there already, and which packages it brings.
It never holds what a person asked for: a project keeps its own packages when it changes its base.

    model      Base, and what it is made of                 catalogue  the catalogues of this machine, and choosing
    read       parse_base: TOML → Base, strictly            fetch      catalogues by git address, kept here
    render     render_base: Base → TOML; content_digest     own        the person's own catalogue
"""
