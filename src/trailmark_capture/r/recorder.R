# Notes what R evaluates and draws, in the folder that it is started with. Base R alone; grDevices and graphics are
# used once they are loaded. Nothing here may show: no output, no warning, no random number, no last error.

folder <- NULL
console <- NULL

# Notes each expression typed at the console, by means of a library; without one, the figures of the whole process.
start <- function(into, library) {
    folder <<- into
    writeLines(process(), file.path(folder, paste0(Sys.getpid(), ".process")))
    for (hook in c("before.plot.new", "before.grid.newpage")) setHook(hook, before_page, "append")
    reg.finalizer(environment(start), function(recorder) quietly(leave()), onexit = TRUE)
    if (is.null(library) || !nzchar(library)) return(invisible())
    console <<- dyn.load(library)
    .Call(console$trailmark_watch, folder, process(), function() quietly(failed()))
    listen()
}

listen <- function() {
    addTaskCallback(function(...) { if (sys.nframe() == 1L) quietly(finish("ok")); TRUE }, name = "trailmark")
}

# The process as no other is called: pid, start time and boot; then the version of R.
process <- function() {
    stat <- tryCatch(readLines("/proc/self/stat", warn = FALSE), error = function(problem) "")
    boot <- tryCatch(readLines("/proc/sys/kernel/random/boot_id", warn = FALSE), error = function(problem) "")
    started <- c(strsplit(sub(".*\\) ", "", stat), " ", fixed = TRUE)[[1L]], character(20L))[[20L]]
    paste(Sys.getpid(), started, boot, getRversion())
}

# Does something of which the code that runs must not know, not even that it went wrong.
quietly <- function(action) {
    said <- geterrmessage()
    tryCatch(suppressWarnings(action), error = function(problem) NULL)
    if (!identical(geterrmessage(), said)) .Internal(seterrmessage(said))
    invisible()
}

# ---- expressions ------------------------------------------------------------------------------------------------

last_said <- ""

note <- function(tag, text = "") .C(console$trailmark_note, tag, paste(text, collapse = "\n"))

running <- function() if (is.null(console)) "" else .Call(console$trailmark_running)

finish <- function(status) {
    if (!nzchar(running())) return()
    note("S", status)
    if (status != "ok") explain()
    typed <- .Call(console$trailmark_typed)
    piece <- list(code = typed, is_last = TRUE)
    tryCatch({
        number <- .C(console$trailmark_number, 0L)[[1L]]
        piece <- if (status == "unsure") list(code = trimmed(typed), is_last = TRUE) else piece_of(typed, number)
        keep_figure()
    }, error = function(problem) NULL)
    note("C", piece$code)
    .C(console$trailmark_end, !piece$is_last)
}

# An expression ended with an error or was interrupted, or what was typed is none at all. Where somebody has removed
# the callback, nobody says that an expression ended well.
failed <- function() {
    if (!"trailmark" %in% getTaskCallbackNames()) {
        listen()
        if (nzchar(running())) return(finish("unsure"))
    }
    if (!nzchar(running())) {
        .Call(console$trailmark_begin)
        note("E", geterrmessage())
    }
    finish("error")
}

explain <- function() {
    note("M", geterrmessage())
    if (!identical(geterrmessage(), last_said)) note("N")
    last_said <<- geterrmessage()
    calls <- .traceback()
    for (at in seq_along(calls)) {
        place <- attr(calls[[at]], "srcref")
        named <- if (is.null(place)) "" else paste0(" at ", basename(attr(place, "srcfile")$filename), "#", place[[1L]])
        note("T", paste0(length(calls) - at + 1L, ": ", paste(calls[[at]], collapse = "\n   "), named))
    }
}

trimmed <- function(code) gsub("^\\s+|[;[:space:]]+$", "", code)

# The code of the expression with a number among those typed, and whether it is the last. R looks for an expression
# again at the end of each line and behind each semicolon; a srcref would be wrong beside letters of several bytes.
piece_of <- function(typed, number) {
    parsed <- function(text) tryCatch(parse(text = text, keep.source = FALSE), error = function(problem) NULL)
    stops <- gregexpr(";", typed, fixed = TRUE)[[1L]]
    start <- 1L
    for (stop in c(stops[stops > 0L], nchar(typed))) {
        code <- substr(typed, start, stop)
        found <- parsed(code)
        if (is.null(found)) next
        start <- stop + 1L
        number <- number - length(found)
        if (number > 0L) next
        rest <- parsed(substr(typed, start, nchar(typed)))
        return(list(code = trimmed(code), is_last = !is.null(rest) && length(rest) == 0L))
    }
    list(code = sub("\n+$", "", typed), is_last = TRUE)
}

leave <- function() {
    if (is.null(console)) keep_figure() else finish("ok")
}

# ---- figures ----------------------------------------------------------------------------------------------------

most_figures <- 50L
figures <- 0L
figures_of <- ""
drawn <- integer(64L) # how much of its page was kept, for each device

silent <- c("C_par", "C_layout", "C_clip", "C_strWidth", "C_strHeight", "C_palette", "palette2", "C_plot_new")

# R calls this before it begins a page, on a device that it may not have opened yet.
before_page <- function(...) quietly({
    is_open <- grDevices::dev.cur() > 1L
    if (is_open && is_page_over()) {
        keep_figure()
        drawn[[grDevices::dev.cur()]] <<- 0L
    }
    # Asking for the size opens the device that R would open for the page itself.
    if (!is_open) grDevices::dev.size()
    # A device forgets what it has drawn when this is enabled: it must be before the first page.
    if (is_own() && !get("dev.displaylist", asNamespace("grDevices"))()) {
        grDevices::dev.control("enable")
        drawn[[grDevices::dev.cur()]] <<- 0L
    }
})

# Whether the next plot begins a page, and is no further panel of this one.
is_page_over <- function() {
    if (!is_own()) return(FALSE)
    "graphics" %in% loadedNamespaces() && graphics::par("page")
}

# Whether the device is R's own: the screen, or the file that stands for it. A device of the person's is left alone.
is_own <- function() {
    .Device %in% grDevices::deviceIsInteractive() ||
        grepl("^Rplots[0-9]*\\.pdf$", c(attr(.Device, "filepath"), "")[[1L]])
}

# Writes the page that is being drawn as a picture, when something was added to it.
keep_figure <- function() {
    if (!"grDevices" %in% loadedNamespaces() || grDevices::dev.cur() == 1L || !is_own()) return()
    if (!get("dev.displaylist", asNamespace("grDevices"))()) return()
    calls <- calls_of_page()
    device <- grDevices::dev.cur()
    before <- if (drawn[[device]] > length(calls)) 0L else drawn[[device]]
    drawn[[device]] <<- length(calls)
    added <- calls[seq_along(calls) > before]
    if (all(vapply(added, name_of, "") %in% silent)) return()
    of <- running()
    figures <<- if (identical(of, figures_of)) figures + 1L else 1L
    figures_of <<- of
    if (figures > most_figures) return()
    now <- format(as.numeric(Sys.time()), digits = 16L)
    name <- if (nzchar(of)) paste0(of, "-", figures, ".png") else paste0(now, "-", Sys.getpid(), ".figure")
    if (draw(grDevices::recordPlot(), file.path(folder, name)) && nzchar(of)) note("F", name)
}

# What the page is made of. A recorded plot begins with it, but takes long to make.
calls_of_page <- function() {
    tryCatch(
        .External2(get("C_getSnapshot", asNamespace("grDevices")))[[1L]],
        error = function(problem) grDevices::recordPlot()[[1L]]
    )
}

name_of <- function(call) {
    called <- call[[2L]][[1L]]
    if (is.list(called) && is.character(called$name)) called$name else ""
}

draw <- function(plot, path) {
    force(plot)
    before <- grDevices::dev.cur()
    size <- pmin(pmax(grDevices::dev.size("in"), 2), 20)
    temporary <- paste0(path, ".new")
    on.exit(unlink(temporary))
    grDevices::png(temporary, width = size[[1L]], height = size[[2L]], units = "in", res = 96)
    mine <- grDevices::dev.cur()
    tryCatch(grDevices::replayPlot(plot), finally = {
        grDevices::dev.off(mine)
        grDevices::dev.set(before)
    })
    file.rename(temporary, path)
}
