# What R starts with where Trailmark records: R_PROFILE names this file. Recording is set up, then R goes on with the
# profile that it would have read instead. Nothing is left in the workspace, and nothing here can stop R.
#
# TRAILMARK_R          the folder to note in
# TRAILMARK_R_AS       "expressions": each one of an interactive R is noted, and its figures with it
#                      "run": R is one part of a command that is recorded as a whole; only figures are noted
# TRAILMARK_R_PROFILE  the person's own R_PROFILE
# TRAILMARK_R_CONSOLE  the library made from console.c
invisible(local({
    given <- Sys.getenv(c("TRAILMARK_R", "TRAILMARK_R_AS", "TRAILMARK_R_CONSOLE", "TRAILMARK_R_PROFILE"))
    here <- dirname(Sys.getenv("R_PROFILE"))
    is_console <- interactive() && given[[2L]] == "expressions"
    is_kernel <- any(grepl("IRkernel::main", commandArgs(), fixed = TRUE))
    if (is_console || is_kernel) {
        # What this R starts belongs to what is recorded of it.
        Sys.unsetenv(c(names(given), "R_PROFILE"))
        if (nzchar(given[[4L]])) Sys.setenv(R_PROFILE = given[[4L]])
    }
    if (nzchar(given[[1L]]) && !is_kernel) tryCatch({
        recorder <- new.env(parent = baseenv())
        sys.source(file.path(here, "recorder.R"), recorder)
        recorder$start(given[[1L]], if (is_console) given[[3L]])
    }, error = function(problem) NULL)
    places <- c(file.path(R.home("etc"), .Platform$r_arch, "Rprofile.site"), file.path(R.home("etc"), "Rprofile.site"))
    site <- c(if (nzchar(given[[4L]])) given[[4L]] else places[file.exists(places)], "")[[1L]]
    if (file.exists(site))
        source(site, local = globalenv(), echo = FALSE, verbose = FALSE, print.eval = TRUE, keep.source = FALSE)
}))
