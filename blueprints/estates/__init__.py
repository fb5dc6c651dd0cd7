"""找物业: estates and their companies, repairs, complaints and praise."""
