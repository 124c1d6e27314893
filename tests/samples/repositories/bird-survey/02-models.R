packages <- c("lme4", "MASS", 'broom')
for (package in packages) {
  if (!require(package, character.only = TRUE)) install.packages(package)
}
if (requireNamespace("emmeans", quietly = TRUE)) {
  message("marginal means will be written too")
}
counts <- readRDS("output/counts.rds")
fit <- glmer(wren ~ year + (1 | observer), data = counts, family = poisson)
fixed <- tidy(fit, effects = "fixed")
utils::write.csv(fixed, "output/fixed.csv")
vegan::diversity(as.matrix(counts[, -(1:3)]))
