# Clean the counts of all observers.
rm(list = ls())
library(tidyr)
library("dplyr", quietly = TRUE)
suppressPackageStartupMessages(library(lubridate))
require(stringr)
library(parallel)
# library(reshape2)  was needed for the old files

read_counts <- function(path) {
  counts <- readr::read_csv(path, col_types = readr::cols())
  counts %>% mutate(day = dmy(day), species = str_trim(species)) %>% filter(!is.na(count))
}
files <- list.files("input", "[.]csv$", full.names = TRUE)
counts <- bind_rows(mclapply(files, read_counts))
cat("read", nrow(counts), "rows # of", length(files), "files\n")
saveRDS(spread(counts, species, count), "output/counts.rds")
