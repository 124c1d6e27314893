theme_paper <- function(...) {
  ggplot2::theme_bw(base_size = 9) + ggplot2::theme(panel.grid = ggplot2::element_blank(), ...)
}
