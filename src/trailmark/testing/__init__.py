"""What tests of this project and of others' adapters share: contract suites and factories. Nothing imports it."""
