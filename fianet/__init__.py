"""FIANet, module by module. Import the module you need; this file stays empty so that text tools load no torch."""
